// tests/data/vectors.json through the C++ wrapper: each call asked, each field of each answer compared.

#include "check.h"
#include <fstream>
#include <nlohmann/json.hpp>
#include <sluicegate.hpp>
#include <vector>

using nlohmann::json;
using sluicegate::decision;
using sluicegate::limiter;

static sluicegate::time_point time_of(const json &call) {
    return sluicegate::time_point(std::chrono::nanoseconds(call.at("at").get<std::int64_t>()));
}

static void compare(const decision &told, const json &expected) {
    static const char *const reasons[] = {"none", "limit", "cost exceeds limit", "table full", "time out of range"};
    const json retry_after = told.allowed()       ? json(0)
                             : told.retry_after() ? json(told.retry_after()->count())
                                                  : json(nullptr);
    CHECK(told.allowed() == expected.at("allowed").get<bool>() && static_cast<bool>(told) == told.allowed());
    CHECK(reasons[static_cast<std::uint32_t>(told.reason())] == expected.at("reason").get<std::string>());
    CHECK(told.limit() == expected.at("limit").get<std::uint64_t>());
    CHECK(told.remaining() == expected.at("remaining").get<std::uint64_t>());
    CHECK(retry_after == expected.at("retry_after_ns"));
    CHECK(told.reset_after().count() == expected.at("reset_after_ns").get<std::int64_t>());
    CHECK(told.delay().count() == expected.at("delay_ns").get<std::int64_t>());
}

static std::size_t ask_many(const limiter &limiter, const json &call) {
    const json &asked = call.at("requests"), &expected = call.at("expect");
    std::vector<std::string> keys;
    std::vector<sluicegate::request> requests;
    keys.reserve(asked.size());
    for (const json &one : asked) {
        keys.push_back(one.at("key").get<std::string>());
        requests.emplace_back(keys.back(), one.at("cost").get<std::uint64_t>());
    }
    std::vector<decision> decisions(requests.size());
    CHECK(limiter.check_many_at(requests.data(), requests.size(), time_of(call), decisions.data()));
    for (std::size_t at = 0; at < decisions.size(); at++) {
        compare(decisions[at], expected.at(at));
    }
    return decisions.size();
}

// Asks one call; how many answers it had.
static std::size_t ask(const limiter &limiter, const json &call) {
    const auto op = call.at("op").get<std::string>();
    if (op == "check_many") {
        return ask_many(limiter, call);
    }
    const auto key = call.at("key").get<std::string>();
    if (op == "reset") {
        limiter.reset(key);
        return 0;
    }
    const auto cost = call.at("cost").get<std::uint64_t>();
    if (op == "refund") {
        limiter.refund_at(key, cost, time_of(call));
        return 0;
    }
    CHECK(op == "check" || op == "peek");
    compare(op == "check" ? limiter.check_at(key, cost, time_of(call)) : limiter.peek_at(key, cost, time_of(call)),
            call.at("expect"));
    return 1;
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    std::size_t answers = 0;
    for (const json &story : json::parse(std::ifstream(arguments[1]))) {
        auto made = limiter::create(story.at("policy").get<std::string>(), 100);
        CHECK(made);
        for (const json &call : story.at("calls")) {
            answers += ask(*made, call);
        }
    }
    std::printf("%zu answers\n", answers);
}
