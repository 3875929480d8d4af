// The C++ wrappers of who is asking and of the client's side. Compiled with exceptions and without.

#include <sluicegate_identity.hpp>
#include <sluicegate_retry.hpp>

#include <sluicegate_identity.hpp>
#include <sluicegate_retry.hpp>

#include "check.h"
#include <map>

using namespace std::chrono_literals;

static_assert(std::is_nothrow_move_constructible_v<sluicegate::identity> && !std::is_copy_constructible_v<sluicegate::identity>);
static_assert(std::is_nothrow_move_constructible_v<sluicegate::retry> && !std::is_copy_constructible_v<sluicegate::retry>);

static constexpr unsigned char proxy[] = {10, 0, 0, 7};

static void finds_clients() {
    sluicegate::identity_options options;
    options.proxies = "10.0.0.0/8";
    auto made = sluicegate::identity::create(options);
    CHECK(made);
    const auto identity = std::move(*made);
    const std::vector<std::string> lines{"6.6.6.6", "2001:db8::1"};
    const auto client = identity.client(proxy, sizeof proxy, lines);
    CHECK(client.text() == "2001:db8::/64" && client.source() == sluicegate::source::header && client.key().size() == 10);
    CHECK(identity.client(proxy, sizeof proxy).source() == sluicegate::source::peer);
    CHECK(identity.client(nullptr, 0).text() == "local" && identity.client(proxy, 3).text() == "local");
    const auto after_a_move = made->client(proxy, sizeof proxy, lines); // NOLINT: it trusts no proxy
    CHECK(after_a_move.text() == "10.0.0.7");

    options.proxies = "nobody";
    const auto wrong = sluicegate::identity::create(options);
    CHECK(!wrong && wrong.error().status == SLUICE_ERR_ARGUMENT);
    CHECK(wrong.error().text.find("proxies \"nobody\"") != std::string::npos);
    options.proxies = std::string("1\0x", 3);
    CHECK(sluicegate::identity::create(options).error().text == "a text has a NUL in it");
}

static void puts_keys_together() {
    const auto identity = sluicegate::identity::create();
    const auto client = identity->client(proxy, sizeof proxy);
    sluicegate::key one, other;
    CHECK(one.bytes().empty());
    one.address(client);
    CHECK(one.bytes() == client.key());
    one.user("ann").header("X-Api-Key", std::string(300, 'k')).part("route", "");
    other.address(client).user("ann").header("x-api-key", std::string(300, 'k')).part("route", "");
    CHECK(one.bytes() == other.bytes() && one.bytes().size() == 6 + 5 + 13 + 300 + 8);
    const auto limiter = sluicegate::limiter::create("fixed-window 1/3653d");
    CHECK(limiter->check(one).allowed() && !limiter->check(other).allowed());
    CHECK(limiter->check(sluicegate::key().user("ann").header("n", "")) && limiter->check(sluicegate::key().user("annh\1n")));
}

static void advises() {
    const auto now = sluicegate::time_point(1'795'305'600s);
    sluicegate::attempt attempt;
    attempt.status = 429;
    std::multimap<std::string, std::string> headers{{"Retry-After", "7"}};
    const auto made = sluicegate::retry::create();
    CHECK(made);
    const auto &retry = *made;
    CHECK(retry.decide_at(attempt, headers, now, 0).retry_in == 7s);
    CHECK(retry.decide_at(attempt, headers, now, UINT64_MAX).retry_in == 7700ms);
    CHECK(retry.decide(attempt, headers).retry_in >= 7s);
    headers = {{"retry-after", "3600"}};
    const auto advice = retry.decide_at(attempt, headers, now, 0);
    CHECK(!advice.retry_in && advice.reason == sluicegate::give_up::server_wait && advice.come_back == 3600s);
    headers = {{"retry-after", std::string(40, '9')}};
    CHECK(retry.decide_at(attempt, headers, now, 0).come_back == sluicegate::nanoseconds::max());
    headers.clear();
    attempt.method = "POST";
    CHECK(retry.decide(attempt, headers).reason == sluicegate::give_up::method && !retry.decide(attempt, headers).come_back);
    attempt.flags = SLUICE_ATTEMPT_REPEATABLE;
    CHECK(retry.decide(attempt, headers).retry_in);

    sluicegate::retry_options options;
    options.jitter_percent = 0;
    options.max_server_wait = 0s;
    options.statuses = {500};
    const auto strict = sluicegate::retry::create(options);
    attempt.status = 500;
    headers = {{"retry-after", "1"}};
    CHECK(strict && strict->decide(attempt, headers).reason == sluicegate::give_up::server_wait);
    attempt.status = 429;
    CHECK(strict->decide(attempt, headers).reason == sluicegate::give_up::status);
    options.statuses = {200};
    CHECK(!sluicegate::retry::create(options) && !sluicegate::retry::create(options));
    CHECK(sluicegate::retry::create(options).error().text.find("status \"200\"") != std::string::npos);
}

int other_unit();

int main() {
    finds_clients();
    puts_keys_together();
    advises();
    return other_unit();
}
