/* tests/data/http_vectors.json through the C ABI: each answer made, each byte of it compared. */

#include "check.h"
#include <jansson.h>

enum { MOST_VERDICTS = 32, BODIES = 5 };

static uint64_t number(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    CHECK(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

/* A text, or NULL for null. */
static const char *text(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    CHECK(json_is_string(value) || json_is_null(value));
    return json_string_value(value);
}

static sluice_http_settings *settings_of(const json_t *chosen) {
    sluice_http_options options = SLUICE_HTTP_OPTIONS_INIT;
    sluice_http_settings *settings = NULL;
    options.families = (uint32_t)number(chosen, "families");
    options.retry_after = (uint32_t)number(chosen, "retry_after");
    options.status = (uint32_t)number(chosen, "status");
    options.code = text(chosen, "code");
    options.message = text(chosen, "message");
    options.problem_type = text(chosen, "problem_type");
    options.burst_parameter = text(chosen, "burst_parameter");
    CHECK(sluice_http_settings_new(&options, &settings) == SLUICE_OK);
    return settings;
}

/* The last decision that a policy gives, and what it cost. */
static uint64_t decide(const json_t *limited, sluice_decision *decision) {
    sluice_limiter *limiter = NULL;
    const json_t *asked = json_object_get(limited, "asked");
    uint64_t cost = 0;
    CHECK(sluice_limiter_new(text(limited, "policy"), 100, &limiter) == SLUICE_OK);
    for (size_t at = 0; at < json_array_size(asked); at++) {
        const json_t *pair = json_array_get(asked, at);
        cost = (uint64_t)json_integer_value(json_array_get(pair, 0));
        const uint64_t now = (uint64_t)json_integer_value(json_array_get(pair, 1));
        CHECK(sluice_check_at(limiter, "key", 3, cost, now, decision) == SLUICE_OK);
    }
    sluice_limiter_free(limiter);
    return cost;
}

/* The bytes that hexadecimal digits stand for; how many. */
static size_t bytes_of(const char *digits, unsigned char *bytes) {
    size_t n = 0;
    for (; digits[2 * n]; n++) {
        unsigned byte = 0;
        CHECK(sscanf(digits + 2 * n, "%2x", &byte) == 1);
        bytes[n] = (unsigned char)byte;
    }
    return n;
}

static void same(const char *told, size_t length, const char *expected) {
    if (length != strlen(expected) || strcmp(told, expected) != 0) {
        fprintf(stderr, "told:\n%s\nexpected:\n%s\n", told, expected);
        exit(1);
    }
}

struct lines {
    char text[SLUICE_HEADER_LINES_MAX(MOST_VERDICTS)];
    size_t length;
};

static void collect(void *context, const char *name, size_t name_length, const char *value, size_t value_length) {
    struct lines *lines = context;
    lines->length += (size_t)snprintf(lines->text + lines->length, sizeof lines->text - lines->length, "%.*s: %.*s\r\n",
                                      (int)name_length, name, (int)value_length, value);
}

static void compare(const sluice_answer *answer, const json_t *expected) {
    sluice_outcome outcome = SLUICE_OUTCOME_INIT;
    CHECK(sluice_answer_outcome(answer, &outcome) == SLUICE_OK);
    CHECK(outcome.allowed == (uint32_t)json_is_true(json_object_get(expected, "allowed")));
    CHECK(outcome.status == number(expected, "status") && outcome.speaking == number(expected, "speaking"));
    CHECK(strcmp(outcome.reason_phrase, text(expected, "reason_phrase")) == 0);
    const json_t *retry_after = json_object_get(expected, "retry_after");
    CHECK(outcome.retry_after_s == (json_is_null(retry_after) ? 0 : number(expected, "retry_after")));

    const char *headers = text(expected, "headers");
    size_t length = 0;
    char buffer[SLUICE_HEADER_LINES_MAX(MOST_VERDICTS)];
    CHECK(sluice_answer_header_lines(answer, buffer, SLUICE_HEADER_LINES_MAX(answer->n), &length) == SLUICE_OK);
    same(buffer, length, headers);
    static struct lines lines;
    lines.length = 0;
    lines.text[0] = 0;
    CHECK(sluice_answer_headers(answer, collect, &lines) == SLUICE_OK);
    same(lines.text, lines.length, headers);

    for (uint32_t body = 0; body < BODIES; body++) {
        static char page[SLUICE_BODY_MAX(MOST_VERDICTS)];
        CHECK(sluice_answer_body(answer, body, page, SLUICE_BODY_MAX(answer->n), &length) == SLUICE_OK);
        same(page, length, json_string_value(json_array_get(json_object_get(expected, "bodies"), body)));
    }
}

static void answer_case(const json_t *given) {
    const json_t *limited = json_object_get(given, "limited");
    const size_t n = json_array_size(limited);
    sluice_quota *quotas[MOST_VERDICTS];
    sluice_decision decisions[MOST_VERDICTS];
    sluice_verdict verdicts[MOST_VERDICTS];
    static unsigned char keys[MOST_VERDICTS][96];
    CHECK(n <= MOST_VERDICTS);
    for (size_t at = 0; at < n; at++) {
        const json_t *each = json_array_get(limited, at);
        CHECK(sluice_quota_new(text(each, "name"), text(each, "policy"), &quotas[at]) == SLUICE_OK);
        const uint64_t cost = decide(each, &decisions[at]);
        const char *key = text(each, "partition_key");
        verdicts[at] = (sluice_verdict){quotas[at], &decisions[at], cost, NULL, 0};
        if (key) {
            verdicts[at].partition_key = keys[at];
            verdicts[at].partition_key_len = bytes_of(key, keys[at]);
        }
    }
    sluice_http_settings *settings = settings_of(json_object_get(given, "settings"));
    sluice_answer answer = SLUICE_ANSWER_INIT;
    answer.settings = settings;
    answer.verdicts = n > 0 ? verdicts : NULL;
    answer.n = n;
    answer.now_unix_ns = number(given, "now");
    compare(&answer, json_object_get(given, "expect"));
    sluice_http_settings_free(settings);
    for (size_t at = 0; at < n; at++) {
        sluice_quota_free(quotas[at]);
    }
}

static void accept_case(const json_t *given) {
    const json_t *offered = json_object_get(given, "offered");
    const char *accept = text(given, "accept");
    const size_t n = json_array_size(offered);
    uint32_t bodies[BODIES], chosen = BODIES;
    CHECK(n <= BODIES);
    for (size_t at = 0; at < n; at++) {
        bodies[at] = (uint32_t)json_integer_value(json_array_get(offered, at));
    }
    CHECK(sluice_body_from_accept(accept, strlen(accept), n > 0 ? bodies : NULL, n, &chosen) == SLUICE_OK);
    CHECK(chosen == number(given, "expect"));
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    json_error_t error;
    json_t *vectors = json_load_file(arguments[1], 0, &error);
    CHECK(vectors);
    const json_t *answers = json_object_get(vectors, "answers"), *accepts = json_object_get(vectors, "accepts");
    for (size_t at = 0; at < json_array_size(answers); at++) {
        answer_case(json_array_get(answers, at));
    }
    for (size_t at = 0; at < json_array_size(accepts); at++) {
        accept_case(json_array_get(accepts, at));
    }
    printf("%zu answers\n", json_array_size(answers) + json_array_size(accepts));
    json_decref(vectors);
    return 0;
}
