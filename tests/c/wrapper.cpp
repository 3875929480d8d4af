// The C++ wrapper: what it adds to C. Compiled with exceptions and without.

#include <sluicegate.hpp>
#include <sluicegate.hpp>

#include "check.h"
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using sluicegate::limiter;

static_assert(std::is_nothrow_move_constructible_v<limiter> && std::is_nothrow_move_assignable_v<limiter>);
static_assert(!std::is_copy_constructible_v<limiter> && !std::is_copy_assignable_v<limiter>);
static_assert(noexcept(std::declval<const limiter &>().check("key")) && noexcept(std::declval<limiter &>().reset("key")));
static_assert(sluicegate::whole_seconds(0ns) == 0 && sluicegate::whole_seconds(1ns) == 1);
static_assert(sluicegate::whole_seconds(1s) == 1 && sluicegate::whole_seconds(1s + 1ns) == 2);

static limiter make(std::string_view policy) {
    auto made = limiter::create(policy, 100);
    CHECK(made);
    return std::move(*made);
}

static void decides() {
    const limiter limiter = make("token-bucket 2/s burst=3");
    const auto now = sluicegate::time_point(1'700'000'000s);
    CHECK(limiter.check_at("key", 3, now).allowed());
    const auto denied = limiter.check_at("key", 1, now);
    CHECK(!denied && denied.reason() == sluicegate::reason::limit && denied.limit() == 2 && denied.remaining() == 0);
    CHECK(denied.retry_after() == 500ms && denied.reset_after() == 1500ms);
    const auto never = limiter.peek_at("key", 4, now);
    CHECK(!never.retry_after() && never.reason() == sluicegate::reason::cost_exceeds_limit);
    CHECK(limiter.check_at("key", 1, now + 500ms).allowed());
    limiter.refund_at("key", 3, now + 500ms);
    CHECK(limiter.peek_at("key", 0, now + 500ms).remaining() == 3);
    CHECK(limiter.check_at("before 1970", 1, sluicegate::time_point(-1s)).allowed());
    CHECK(make("leaky-bucket 10/s").check("key").delay() == 0ns);
    CHECK(limiter.policy() == "token-bucket 2/s burst=3" && limiter.stats().capacity == 100);
}

static void decides_by_its_clock() {
    const limiter limiter = make("token-bucket 3/3653d");
    CHECK(limiter.check("").allowed() && limiter.check(std::string_view()).allowed());
    CHECK(limiter.peek("", 0).remaining() == 1 && limiter.peek("").remaining() == 0);
    limiter.refund("");
    CHECK(limiter.peek("", 0).remaining() == 2);
    limiter.reset("");
    CHECK(limiter.peek("", 0).remaining() == 3 && limiter.stats().inserted == 1);
}

static void decides_in_batches() {
    const limiter limiter = make("fixed-window 2/3653d");
    const std::string owned = "a string";
    const std::vector<sluicegate::request> requests{"literal", owned, std::string_view("a view"), {"literal", 2}, "literal"};
    std::vector<sluicegate::decision> decisions(requests.size());
    CHECK(limiter.check_many(requests, decisions));
    CHECK(decisions[0].allowed() && decisions[1].allowed() && decisions[2].allowed());
    CHECK(!decisions[3].allowed() && decisions[4].allowed() && decisions[4].remaining() == 0);
    decisions.pop_back();
    CHECK(!limiter.check_many(requests, decisions));
    CHECK(!limiter.check_many(requests.data(), requests.size(), nullptr));
    CHECK(limiter.check_many(nullptr, 0, nullptr));
}

static void holds_one_request_to_several_limits() {
    const limiter by_minute = make("fixed-window 2/3653d");
    const limiter by_day = make("token-bucket 3/3653d");
    const std::string user = "ann";
    const std::vector<sluicegate::charge> charges{{by_minute, "literal"}, {by_day, user, 2}};
    std::vector<sluicegate::decision> decisions(2);
    CHECK(sluicegate::check_all(charges, decisions));
    CHECK(decisions[0].remaining() == 1 && decisions[1].remaining() == 1);
    CHECK(!sluicegate::check_all(charges, decisions));
    CHECK(decisions[0].allowed() && !decisions[1].allowed() && by_minute.peek("literal", 0).remaining() == 1);
    decisions.pop_back();
    CHECK(!sluicegate::check_all(charges, decisions));
    CHECK(sluicegate::check_all(nullptr, 0, nullptr));
}

static void says_why_not() {
    const auto policy = limiter::create("token-bucket 100 per s");
    CHECK(!policy && policy.error().status == SLUICE_ERR_POLICY);
    CHECK(policy.error().text.find("column 17") != std::string::npos);
    CHECK(limiter::create(std::string_view("token-bucket 1/s\0x", 18)).error().status == SLUICE_ERR_POLICY);
    CHECK(limiter::create("token-bucket 1/s", 0).error().status == SLUICE_ERR_ARGUMENT);
    sluicegate::options options;
    options.when_full = static_cast<sluicegate::on_full>(7);
    CHECK(limiter::create("token-bucket 1/s", options).error().text.find("on_full is 7") != std::string::npos);
#if defined(__cpp_exceptions)
    try {
        limiter("nonsense", 100);
        CHECK(false);
    } catch (const sluicegate::exception &thrown) {
        CHECK(thrown.status() == SLUICE_ERR_POLICY && strstr(thrown.what(), "nonsense"));
    }
    sluicegate::options coarse;
    coarse.clock = sluicegate::clock_source::coarse;
    CHECK(limiter("token-bucket 1/s", coarse).check("key").allowed());
#endif
}

static void moves() {
    limiter one = make("fixed-window 1/3653d"), other = make("fixed-window 5/3653d");
    CHECK(one.check("key").allowed());
    limiter moved = std::move(one);
    CHECK(!moved.check("key").allowed());
    const auto nobody = one.check("key"); // NOLINT: a limiter that was moved from denies
    CHECK(!nobody.allowed() && !nobody.retry_after() && one.policy().empty());
    one = std::move(other);
    CHECK(one.check("key").remaining() == 4);
    std::vector<limiter> several;
    several.push_back(std::move(one));
    several.push_back(std::move(moved));
    CHECK(several[0].check("key").remaining() == 3 && several[1].raw() != nullptr);
}

static void holds_for_ten_threads() {
    const limiter limiter = make("fixed-window 20000/3653d");
    std::vector<std::thread> threads;
    std::vector<std::uint64_t> allowed(10);
    for (auto &mine : allowed) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < 5000; turn++) {
                mine += limiter.check("shared").allowed();
            }
        });
    }
    std::uint64_t all = 0;
    for (std::size_t at = 0; at < threads.size(); at++) {
        threads[at].join();
        all += allowed[at];
    }
    CHECK(all == 20000);
}

static void shares_a_table_by_a_file() {
    const std::string path = "/tmp/sluicegate-wrapper-" + std::to_string(getpid());
    sluicegate::options chosen;
    chosen.max_keys = 100;
    auto one = limiter::open(path, "token-bucket 3/3653d", chosen), other = limiter::open(path, "token-bucket 3/3653d", 100);
    CHECK(one && other && one->check("key", 2) && other->check("key") && !one->check("key") && one->is_current());

    const auto refused = limiter::open(path, "token-bucket 5/3653d", chosen);
    CHECK(!refused && refused.error().status == SLUICE_ERR_MISMATCH);
    CHECK(refused.error().text.find("\"token-bucket 3/3653d\", not") != std::string::npos);
    chosen.replace = true;
    const auto replaced = limiter::open(path, "token-bucket 5/3653d", chosen);
    CHECK(replaced && replaced->is_current() && !one->is_current() && replaced->peek("key", 0).remaining() == 2);
    CHECK(remove(path.c_str()) == 0 && !replaced->is_current());
    CHECK(limiter::open(std::string_view("/tmp/a\0b", 8), "token-bucket 1/s").error().status == SLUICE_ERR_ARGUMENT);
    CHECK(limiter::open("", "token-bucket 1/s").error().status == SLUICE_ERR_IO);
    const limiter moved = std::move(*other);
    CHECK(!moved.is_current() && !other->is_current());
}

static void shares_a_table_in_memory() {
    alignas(128) static unsigned char region[10000];
    const auto size = limiter::region_size("token-bucket 3/3653d", 100);
    CHECK(size > 0 && size <= sizeof region && limiter::region_size("nonsense", 100) == 0);
    CHECK(limiter::region_size(std::string_view("token-bucket 1/s\0x", 18), 100) == 0);
    const auto one = limiter::attach(region, size, "token-bucket 3/3653d");
    const auto other = limiter::attach(region, size, "token-bucket 3/3653d");
    CHECK(one && other && one->check("key", 3) && !other->check("key") && other->is_current());
    CHECK(limiter::attach(region, 10, "token-bucket 1/s").error().status == SLUICE_ERR_FORMAT);
}

int other_unit();

int main() {
    decides();
    decides_by_its_clock();
    decides_in_batches();
    holds_one_request_to_several_limits();
    says_why_not();
    moves();
    holds_for_ten_threads();
    shares_a_table_by_a_file();
    shares_a_table_in_memory();
    return other_unit();
}
