// The C++ wrapper of HTTP answers: what it adds to C. Compiled with exceptions and without.

#include <sluicegate_http.hpp>
#include <sluicegate_http.hpp>

#include "check.h"

using namespace std::chrono_literals;
using sluicegate::answer;
using sluicegate::body;
using sluicegate::limiter;
using sluicegate::quota;
using sluicegate::verdict;

static_assert(std::is_nothrow_move_constructible_v<quota> && !std::is_copy_constructible_v<quota>);
static_assert(!std::is_constructible_v<verdict, const quota &, sluicegate::decision &&>, "a decision that is gone");

static const auto sunday = sluicegate::time_point(1'795'305'600s);

static limiter make(std::string_view policy) {
    auto made = limiter::create(policy, 100);
    CHECK(made);
    return std::move(*made);
}

static quota named(std::string_view name, const limiter &limiter) {
    auto made = quota::of(name, limiter);
    CHECK(made);
    return std::move(*made);
}

static void refuses_what_c_refuses() {
    CHECK(!quota::create("name", "nonsense") && quota::create("name", "nonsense").error().status == SLUICE_ERR_POLICY);
    CHECK(quota::create("a\nb", "fixed-window 1/m").error().text.find("character 2 is U+000A") != std::string::npos);
    CHECK(quota::create(std::string_view("a\0b", 3), "fixed-window 1/m").error().text == "a text has a NUL in it");
    sluicegate::http_options options;
    options.status = 200;
    CHECK(sluicegate::http_settings::create(options).error().status == SLUICE_ERR_ARGUMENT);
    options.status = 0;
    options.message = std::string_view("a\0b", 3);
    CHECK(!sluicegate::http_settings::create(options));
    CHECK(quota::create("default", "fixed-window 1/m"));
}

static void answers_one_verdict() {
    const auto limiter = make("fixed-window 1/30m");
    const auto quota = named("half-hourly", limiter);
    const auto allowed = limiter.check_at("key", 1, sunday), denied = limiter.check_at("key", 1, sunday);

    const answer yes(verdict(quota, allowed), sunday);
    CHECK(yes.allowed() && yes.status() == 200 && yes.reason_phrase() == "OK" && !yes.retry_after());
    CHECK(yes.body(body::json).empty());

    const answer no(verdict(quota, denied, 1, "pk"), sunday);
    const answer copy = no;
    CHECK(!copy.allowed() && copy.status() == 429 && copy.retry_after() == 30min && copy.speaking() == 0);
    CHECK(copy.header_lines() == no.header_lines());
    CHECK(no.header_lines().find("Retry-After: 1800\r\nX-RateLimit-Limit: 1\r\n") == 0);
    CHECK(no.header_lines().find("RateLimit: \"half-hourly\";r=0;t=1800;pk=:cGs=:\r\n") != std::string::npos);
    CHECK(no.body(body::text) == "429 Too Many Requests\nYou have sent more requests than the limit allows. Try again in 30 minutes.\n");

    std::string lines;
    no.headers([&](std::string_view name, std::string_view value) {
        lines.append(name).append(": ").append(value).append("\r\n");
    });
    CHECK(lines == no.header_lines());
}

static void answers_several_with_settings() {
    const auto second = make("token-bucket 10/s"), day = make("fixed-window 5/day");
    const auto by_second = named("second", second), by_day = named("day", day);
    const auto first = second.check_at("key", 1, sunday), other = day.check_at("key", 6, sunday);
    const verdict verdicts[] = {{by_second, first}, {by_day, other, 6}};
    sluicegate::http_options options;
    options.families = SLUICE_FAMILY_IETF;
    options.code = "plan_quota_exceeded";
    options.retry_after_as_date = true;
    const auto settings = sluicegate::http_settings::create(options);
    CHECK(settings);
    const answer answer(verdicts, 2, sunday, &*settings);
    CHECK(answer.status() == 429 && answer.speaking() == 1 && !answer.retry_after());
    CHECK(answer.header_lines()
          == "RateLimit-Policy: \"second\";q=10;w=1, \"day\";q=5;w=86400\r\n"
             "RateLimit: \"day\";r=5, \"second\";r=9;t=1\r\nCache-Control: no-store\r\n");
    CHECK(answer.body(body::json).find("\"code\":\"plan_quota_exceeded\"") != std::string::npos);
}

static void a_wrong_verdict_is_a_500() {
    const auto limiter = make("fixed-window 1/m");
    auto quota = named("name", limiter);
    const auto decision = limiter.check_at("key", 1, sunday);
    const std::string key(97, 'x');
    const answer too_long(verdict(quota, decision, 1, key), sunday);
    CHECK(!too_long.allowed() && too_long.status() == 500 && too_long.reason_phrase() == "Internal Server Error");
    CHECK(too_long.header_lines().empty() && too_long.body(body::html).empty());
    const auto elsewhere = std::move(quota);
    CHECK(answer(verdict(quota, decision), sunday).status() == 500 && answer(verdict(elsewhere, decision), sunday).allowed());
    const sluicegate::decision nobodys;
    CHECK(answer(verdict(elsewhere, nobodys), sunday).status() == 503);
}

static void chooses_bodies() {
    CHECK(sluicegate::body_from_accept("") == body::json);
    CHECK(sluicegate::body_from_accept("text/html, */*;q=0.8") == body::html);
    CHECK(sluicegate::body_from_accept("text/html", {body::json_reset_at, body::text}) == body::json_reset_at);
    CHECK(sluicegate::body_from_accept("text/*", {body::json_reset_at, body::text}) == body::text);
    CHECK(sluicegate::content_type(body::problem) == "application/problem+json");
    CHECK(sluicegate::expose_headers(SLUICE_FAMILY_NONE) == "Retry-After" && sluicegate::expose_headers().size() > 80);
    const auto before = std::chrono::system_clock::now();
    const auto limiter = make("fixed-window 1/m");
    CHECK(limiter.now() > before - 1min && limiter.now() < before + 1h);
}

int main() {
    refuses_what_c_refuses();
    answers_one_verdict();
    answers_several_with_settings();
    a_wrong_verdict_is_a_500();
    chooses_bodies();
    return 0;
}
