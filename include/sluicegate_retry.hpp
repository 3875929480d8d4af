/*
 * sluicegate for C++17: the client's side of a 429, around sluicegate.h.
 *
 *     #include <iostream>
 *     #include <map>
 *     #include <sluicegate_retry.hpp>
 *
 *     int main() {
 *         const auto retry = sluicegate::retry::create();
 *         if (!retry) {
 *             std::cerr << retry.error().text << '\n';
 *             return 1;
 *         }
 *
 *         sluicegate::attempt attempt; // the first, by GET
 *         attempt.status = 429;
 *         const std::multimap<std::string, std::string> headers{{"Retry-After", "3600"}};
 *         const auto advice = retry->decide(attempt, headers);
 *         if (advice.retry_in) {
 *             std::cout << "ask again in " << advice.retry_in->count() << " ns\n";
 *         } else if (advice.come_back) {
 *             std::cout << "come back in " << sluicegate::whole_seconds(*advice.come_back) << " s\n";
 *         }
 *     }
 *
 *     c++ -std=c++17 program.cpp $(pkg-config --cflags --libs sluicegate)
 *
 * What the options and functions mean is said in sluicegate.h. Nothing here throws but std::string and std::vector, where
 * there is no memory.
 *
 * Since 0.1.0.
 */

#ifndef SLUICEGATE_RETRY_HPP
#define SLUICEGATE_RETRY_HPP

#include <sluicegate.hpp>

#include <vector>

namespace sluicegate {

/** Why there is no retry. */
enum class give_up : std::uint32_t {
    not_at_all = SLUICE_GIVE_UP_NOT,
    status = SLUICE_GIVE_UP_STATUS,
    server_forbids = SLUICE_GIVE_UP_SERVER_FORBIDS,
    method = SLUICE_GIVE_UP_METHOD,
    body = SLUICE_GIVE_UP_BODY,
    attempts = SLUICE_GIVE_UP_ATTEMPTS,
    server_wait = SLUICE_GIVE_UP_SERVER_WAIT,
    deadline = SLUICE_GIVE_UP_DEADLINE,
    budget = SLUICE_GIVE_UP_BUDGET,
};

/** When requests may be tried again: see `sluice_retry_options`. */
struct retry_options {
    nanoseconds base = std::chrono::milliseconds(500);
    nanoseconds cap = std::chrono::seconds(30);
    nanoseconds deadline = std::chrono::seconds(300);
    /** The longest wait that a server may ask for. Beyond it there is no retry: the wait is never shortened. */
    nanoseconds max_server_wait = std::chrono::seconds(120);
    nanoseconds max_jitter = std::chrono::seconds(30);
    std::uint32_t jitter_percent = 10;
    std::uint32_t max_attempts = 4;
    /** 0 for no budget. */
    std::uint32_t budget_tokens = 0;
    std::uint32_t budget_percent = 20;
    /** Some of `SLUICE_RETRY_*`, combined by `|`. */
    std::uint32_t flags = 0;
    /** The statuses that are tried again; none for 429 and 503, and 413 where it says when. */
    std::vector<std::uint16_t> statuses{};
    /** More that are tried again only where the response says when, such as the 403 of GitHub. */
    std::vector<std::uint16_t> statuses_with_hint{};
};

/** The attempt whose response has come. */
struct attempt {
    std::string method = "GET";
    /** The first is number 1. */
    std::uint32_t number = 1;
    std::uint32_t status = 0;
    /** The time since the first one began, by a monotonic clock. */
    nanoseconds elapsed{0};
    /** Some of `SLUICE_ATTEMPT_*`, combined by `|`. */
    std::uint32_t flags = 0;
};

/** What to do about a response. */
struct [[nodiscard]] advice {
    /** Ask again after so long; nothing to let the caller have this response. */
    std::optional<nanoseconds> retry_in;
    /** Why there is no retry. */
    give_up reason = give_up::not_at_all;
    /** Where there is no retry: how long the server wants to be left alone, if it has said so. At most 292 years. */
    std::optional<nanoseconds> come_back;
};

/** When requests are tried again, checked once. Safe from any number of threads at once, who share its budget. */
class retry {
public:
    /** Checks the options, or says what is wrong with them. */
    [[nodiscard]] static result<retry> create(const retry_options &chosen = {}) {
        /* In C, 0 stands for the default. What is least beside it means as little. */
        const auto least_one = [](auto number) { return number > decltype(number){0} ? number : decltype(number){1}; };
        const auto ns = [&](nanoseconds time) { return static_cast<std::uint64_t>(least_one(time.count())); };
        const bool no_jitter = chosen.jitter_percent == 0 || chosen.max_jitter <= nanoseconds(0);
        const sluice_retry_options raw{sizeof(sluice_retry_options),
                                       ns(chosen.base),
                                       ns(chosen.cap),
                                       ns(chosen.deadline),
                                       ns(chosen.max_server_wait),
                                       ns(chosen.max_jitter),
                                       chosen.jitter_percent,
                                       least_one(chosen.max_attempts),
                                       chosen.budget_tokens,
                                       least_one(chosen.budget_percent),
                                       no_jitter ? chosen.flags | SLUICE_RETRY_NO_JITTER : chosen.flags,
                                       static_cast<std::uint32_t>(chosen.statuses.size()),
                                       static_cast<std::uint32_t>(chosen.statuses_with_hint.size()),
                                       0,
                                       chosen.statuses.empty() ? nullptr : chosen.statuses.data(),
                                       chosen.statuses_with_hint.data()};
        return detail::made<retry>({}, [&](const std::string *, sluice_retry **out) { return sluice_retry_new(&raw, out); });
    }

    /**
     * What to do about a response, by the system's clock and a random number. `headers` is a container of pairs of names and
     * values, of std::string or std::string_view: a std::multimap, say. See `sluice_retry_decide_at`.
     */
    template <typename Headers>
    sluicegate::advice decide(const attempt &attempt, const Headers &headers) const {
        return advise(attempt, headers, [&](const auto &raw, const auto &fields, sluice_advice &out) {
            return sluice_retry_decide(raw_.get(), &raw, fields.data(), fields.size(), &out);
        });
    }
    /** The same by a clock and chance of the caller's own: `random` is a number of which each is as likely as any other. */
    template <typename Headers>
    sluicegate::advice decide_at(const attempt &attempt, const Headers &headers, time_point now, std::uint64_t random) const {
        const auto since_1970 = now.time_since_epoch().count();
        const auto now_ns = since_1970 < 0 ? 0 : static_cast<std::uint64_t>(since_1970);
        return advise(attempt, headers, [&](const auto &raw, const auto &fields, sluice_advice &out) {
            return sluice_retry_decide_at(raw_.get(), &raw, fields.data(), fields.size(), now_ns, random, &out);
        });
    }

private:
    friend struct detail;
    struct free {
        void operator()(sluice_retry *retry) const noexcept { sluice_retry_free(retry); }
    };
    explicit retry(sluice_retry *raw) noexcept : raw_(raw) {}

    template <typename Headers, typename Call>
    static sluicegate::advice advise(const attempt &attempt, const Headers &headers, Call call) {
        std::vector<sluice_header> fields;
        for (const auto &[name_text, value_text] : headers) {
            const std::string_view name = name_text, value = value_text;
            fields.push_back({name.data(), name.size(), value.data(), value.size()});
        }
        const auto elapsed = attempt.elapsed.count();
        const sluice_attempt raw{sizeof(sluice_attempt), attempt.method.c_str(),
                                 attempt.number,         attempt.status,
                                 elapsed < 0 ? 0 : static_cast<std::uint64_t>(elapsed),
                                 attempt.flags,          0};
        sluice_advice out{0, SLUICE_GIVE_UP_STATUS, 0, SLUICE_NEVER};
        static_cast<void>(call(raw, fields, out));
        if (out.retry != 0) {
            return {wait(out.wait_ns), give_up::not_at_all, std::nullopt};
        }
        return {std::nullopt, static_cast<give_up>(out.reason), wait(out.come_back_ns)};
    }

    static std::optional<nanoseconds> wait(std::uint64_t ns) noexcept {
        if (ns == SLUICE_NEVER) {
            return std::nullopt;
        }
        constexpr auto most = static_cast<std::uint64_t>(nanoseconds::max().count());
        return nanoseconds(static_cast<nanoseconds::rep>(ns < most ? ns : most));
    }

    std::unique_ptr<sluice_retry, free> raw_;
};

} // namespace sluicegate

#endif // SLUICEGATE_RETRY_HPP
