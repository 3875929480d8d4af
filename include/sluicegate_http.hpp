/*
 * sluicegate for C++17: HTTP answers from decisions, around sluicegate.h.
 *
 *     #include <iostream>
 *     #include <sluicegate_http.hpp>
 *
 *     int main() {
 *         auto limiter = sluicegate::limiter::create("fixed-window 100/1h");
 *         auto quota = limiter ? sluicegate::quota::of("hourly", *limiter) : limiter.error();
 *         if (!quota) {
 *             std::cerr << quota.error().text << '\n';
 *             return 1;
 *         }
 *
 *         const auto now = limiter->now(); // one time for the decision and for what is said of it
 *         auto decision = limiter->check_at("203.0.113.10", 100, now);
 *         decision = limiter->check_at("203.0.113.10", 1, now);
 *         const sluicegate::answer answer(sluicegate::verdict(*quota, decision), now);
 *         std::cout << answer.status() << ' ' << answer.reason_phrase() << '\n' << answer.header_lines();
 *         if (!answer.allowed()) {
 *             const auto body = sluicegate::body_from_accept("application/json");
 *             std::cout << "Content-Type: " << sluicegate::content_type(body) << "\n\n" << answer.body(body) << '\n';
 *         }
 *     }
 *
 *     c++ -std=c++17 program.cpp $(pkg-config --cflags --libs sluicegate)
 *
 * What the fields, bodies and options mean is said in sluicegate.h. Nothing here throws but std::string, where there is no
 * memory.
 *
 * Since 0.1.0.
 */

#ifndef SLUICEGATE_HTTP_HPP
#define SLUICEGATE_HTTP_HPP

#include <sluicegate.hpp>

namespace sluicegate {

/** A policy under the name that answers call it by: made once for each limiter. Can be moved and not copied. */
class quota {
public:
    /** From the text of a policy. The name is 1 to 64 printable ASCII characters. */
    [[nodiscard]] static result<quota> create(std::string_view name, std::string_view policy) {
        return detail::made<quota>({name, policy}, [&](const std::string *texts, sluice_quota **out) {
            return sluice_quota_new(texts[0].c_str(), texts[1].c_str(), out);
        });
    }
    /** From the policy of a limiter. */
    [[nodiscard]] static result<quota> of(std::string_view name, const limiter &limiter) {
        return detail::made<quota>({name}, [&](const std::string *texts, sluice_quota **out) {
            return sluice_quota_of(texts[0].c_str(), limiter.raw(), out);
        });
    }
    /** As C has it; still this object's to free. */
    [[nodiscard]] const sluice_quota *raw() const noexcept { return raw_.get(); }

private:
    friend struct detail;
    struct free {
        void operator()(sluice_quota *raw) const noexcept { sluice_quota_free(raw); }
    };
    explicit quota(sluice_quota *raw) noexcept : raw_(raw) {}

    std::unique_ptr<sluice_quota, free> raw_;
};

/** How answers may be told to look. Empty texts and 0 stand for the defaults. */
struct http_options {
    /** Some of `SLUICE_FAMILY_*`, combined by `|`; 0 for X-RateLimit-* and the newest IETF draft's fields. */
    std::uint32_t families = 0;
    /** Whether `Retry-After` is a date, and not seconds to wait. */
    bool retry_after_as_date = false;
    /** The status of a denial for the client's own excess, 400 to 599; 0 for 429. */
    std::uint32_t status = 0;
    std::string_view code{};
    std::string_view message{};
    std::string_view problem_type{};
    std::string_view burst_parameter{};
};

/** How answers look, checked once. Can be moved and not copied. */
class http_settings {
public:
    /** Checks the options, or says which is wrong. */
    [[nodiscard]] static result<http_settings> create(const http_options &chosen) {
        const auto given = {chosen.code, chosen.message, chosen.problem_type, chosen.burst_parameter};
        return detail::made<http_settings>(given, [&](const std::string *texts, sluice_http_settings **out) {
            const auto text = [&](std::size_t at) { return texts[at].empty() ? nullptr : texts[at].c_str(); };
            sluice_http_options options = SLUICE_HTTP_OPTIONS_INIT;
            options.families = chosen.families;
            options.retry_after = chosen.retry_after_as_date ? SLUICE_RETRY_AFTER_DATE : SLUICE_RETRY_AFTER_SECONDS;
            options.status = chosen.status;
            options.code = text(0);
            options.message = text(1);
            options.problem_type = text(2);
            options.burst_parameter = text(3);
            return sluice_http_settings_new(&options, out);
        });
    }
    /** As C has it; still this object's to free. */
    [[nodiscard]] const sluice_http_settings *raw() const noexcept { return raw_.get(); }

private:
    friend struct detail;
    struct free {
        void operator()(sluice_http_settings *raw) const noexcept { sluice_http_settings_free(raw); }
    };
    explicit http_settings(sluice_http_settings *raw) noexcept : raw_(raw) {}

    std::unique_ptr<sluice_http_settings, free> raw_;
};

/** One decision on a request, and the policy that it was made by: both, and the key, must outlive it. */
class verdict {
public:
    /** `cost` is what the request asked for; `partition_key` is shown to clients, at most 96 bytes. */
    verdict(const quota &quota, const decision &decision, std::uint64_t cost = 1, std::string_view partition_key = {}) noexcept
        : raw_{quota.raw(), &decision.raw(), cost, partition_key.data(), partition_key.size()} {}
    verdict(const quota &, const decision &&, std::uint64_t = 1, std::string_view = {}) = delete;
    verdict(const quota &&, const decision &, std::uint64_t = 1, std::string_view = {}) = delete;

    /** As C has it. */
    [[nodiscard]] const sluice_verdict &raw() const noexcept { return raw_; }

private:
    sluice_verdict raw_;
};
static_assert(sizeof(verdict) == sizeof(sluice_verdict) && std::is_standard_layout_v<verdict>,
              "several are passed in place");

/** The bodies of denials. */
enum class body : std::uint32_t {
    json = SLUICE_BODY_JSON,
    json_reset_at = SLUICE_BODY_JSON_RESET_AT,
    problem = SLUICE_BODY_PROBLEM,
    html = SLUICE_BODY_HTML,
    text = SLUICE_BODY_TEXT,
};

/** The value for `Content-Type` that belongs to a body. */
[[nodiscard]] inline std::string_view content_type(body body) noexcept {
    return sluice_body_content_type(static_cast<std::uint32_t>(body));
}

/** The body that a request's `Accept` header asks for; empty where there is none. See `sluice_body_from_accept`. */
[[nodiscard]] inline body body_from_accept(std::string_view accept) noexcept {
    std::uint32_t chosen = SLUICE_BODY_JSON;
    static_cast<void>(sluice_body_from_accept(accept.data(), accept.size(), nullptr, 0, &chosen));
    return static_cast<body>(chosen);
}
/** The one of those on offer, what the server would rather send first. */
[[nodiscard]] inline body body_from_accept(std::string_view accept, std::initializer_list<body> offered) noexcept {
    std::array<std::uint32_t, 5> numbers{};
    std::size_t n = 0;
    for (const auto each : offered) {
        if (n < numbers.size()) {
            numbers[n++] = static_cast<std::uint32_t>(each);
        }
    }
    std::uint32_t chosen = n > 0 ? numbers[0] : static_cast<std::uint32_t>(SLUICE_BODY_JSON);
    static_cast<void>(sluice_body_from_accept(accept.data(), accept.size(), numbers.data(), n, &chosen));
    return static_cast<body>(chosen);
}

/** The value for `Access-Control-Expose-Headers`, for the families as in `http_options`. */
[[nodiscard]] inline std::string expose_headers(std::uint32_t families = 0) {
    return detail::text([&](char *buf, std::size_t cap, std::size_t *length) {
        return sluice_expose_headers(families, buf, cap, length);
    });
}

/**
 * What a request is answered: all verdicts on it taken together. Verdicts and settings must outlive it.
 *
 * A verdict that is wrong (a key of more than 96 bytes, a quota that was moved from) makes it a 500 with neither headers nor
 * body.
 */
class answer {
public:
    /** The answer to a request that one policy has decided on at `now`. Without settings it has the defaults. */
    answer(const verdict &only, time_point now, const http_settings *settings = nullptr) noexcept
        : answer(&only, 1, now, settings) {}
    answer(const verdict &&only, time_point now, const http_settings *settings = nullptr) noexcept
        : own_(only), answer_(raw_of(nullptr, 1, now, settings)) {
        conclude();
    }
    /** That `n` policies have decided on, which stand always in the same order. */
    answer(const verdict *verdicts, std::size_t n, time_point now, const http_settings *settings = nullptr) noexcept
        : answer_(raw_of(verdicts, n, now, settings)) {
        conclude();
    }

    /** Whether all allow it. */
    [[nodiscard]] bool allowed() const noexcept { return outcome_.allowed != 0; }
    /** 200, 429 (or the settings' status), or 503 where a limiter could not count. */
    [[nodiscard]] unsigned status() const noexcept { return outcome_.status; }
    [[nodiscard]] std::string_view reason_phrase() const noexcept { return outcome_.reason_phrase; }
    /** On a denial that waiting cures: whole seconds, at least 1. */
    [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const noexcept {
        if (outcome_.retry_after_s == 0) {
            return std::nullopt;
        }
        return std::chrono::seconds(static_cast<std::chrono::seconds::rep>(outcome_.retry_after_s));
    }
    /** The place of the verdict whose numbers stand in `X-RateLimit-*` and in bodies. */
    [[nodiscard]] std::size_t speaking() const noexcept { return outcome_.speaking; }

    /** Calls `each` with the name and the value of every header field, which must not throw. Allocates nothing. */
    template <typename Each>
    void headers(Each &&each) const noexcept {
        const auto visit = [](void *context, const char *name, std::size_t name_length, const char *value,
                              std::size_t value_length) noexcept {
            (*static_cast<std::remove_reference_t<Each> *>(context))(std::string_view(name, name_length),
                                                                     std::string_view(value, value_length));
        };
        const auto raw = this->raw();
        static_cast<void>(sluice_answer_headers(&raw, visit, const_cast<void *>(static_cast<const void *>(&each))));
    }
    /** The header fields as lines "Name: value\r\n". */
    [[nodiscard]] std::string header_lines() const {
        const auto raw = this->raw();
        return detail::text([&](char *buf, std::size_t cap, std::size_t *length) {
            return sluice_answer_header_lines(&raw, buf, cap, length);
        });
    }
    /** The body of a denial; empty where the request is allowed. */
    [[nodiscard]] std::string body(sluicegate::body body) const {
        const auto raw = this->raw();
        return detail::text([&](char *buf, std::size_t cap, std::size_t *length) {
            return sluice_answer_body(&raw, static_cast<std::uint32_t>(body), buf, cap, length);
        });
    }

private:
    static sluice_answer raw_of(const verdict *verdicts, std::size_t n, time_point now,
                                const http_settings *settings) noexcept {
        const auto ns = now.time_since_epoch().count();
        return {sizeof(sluice_answer), settings ? settings->raw() : nullptr,
                reinterpret_cast<const sluice_verdict *>(verdicts), n, ns < 0 ? 0 : static_cast<std::uint64_t>(ns)};
    }

    /* A verdict of its own is pointed to where it is now, for an answer may be copied. */
    [[nodiscard]] sluice_answer raw() const noexcept {
        auto raw = answer_;
        if (own_) {
            raw.verdicts = &own_->raw();
        }
        return raw;
    }

    void conclude() noexcept {
        const auto raw = this->raw();
        static_cast<void>(sluice_answer_outcome(&raw, &outcome_));
    }

    std::optional<verdict> own_;
    sluice_answer answer_;
    sluice_outcome outcome_{sizeof(sluice_outcome), 0, 500, "Internal Server Error", 0, 0};
};

} // namespace sluicegate

#endif // SLUICEGATE_HTTP_HPP
