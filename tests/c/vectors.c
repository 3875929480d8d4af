/* tests/data/vectors.json through the C ABI: each call asked, each field of each answer compared. */

#include "check.h"
#include <jansson.h>

static const char *const reasons[] = {"none", "limit", "cost exceeds limit", "table full", "time out of range"};

static uint64_t number(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    CHECK(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static const char *text(const json_t *object, const char *name) {
    const char *value = json_string_value(json_object_get(object, name));
    CHECK(value);
    return value;
}

static void compare(const sluice_decision *told, const json_t *expected) {
    const json_t *retry_after = json_object_get(expected, "retry_after_ns");
    CHECK(told->allowed == (uint32_t)json_is_true(json_object_get(expected, "allowed")));
    CHECK(told->reason < sizeof reasons / sizeof *reasons);
    CHECK(strcmp(reasons[told->reason], text(expected, "reason")) == 0);
    CHECK(told->limit == number(expected, "limit"));
    CHECK(told->remaining == number(expected, "remaining"));
    CHECK(told->retry_after_ns
          == (json_is_null(retry_after) ? SLUICE_NEVER : number(expected, "retry_after_ns")));
    CHECK(told->reset_after_ns == number(expected, "reset_after_ns"));
    CHECK(told->delay_ns == number(expected, "delay_ns"));
}

static sluice_request request(const json_t *from) {
    const json_t *key = json_object_get(from, "key");
    return (sluice_request){json_string_value(key), json_string_length(key), number(from, "cost")};
}

static size_t ask_many(const sluice_limiter *limiter, const json_t *call, const json_t *expected) {
    const json_t *asked = json_object_get(call, "requests");
    const size_t n = json_array_size(asked);
    sluice_request requests[16];
    sluice_decision decisions[16];
    CHECK(n <= 16 && json_array_size(expected) == n);
    for (size_t at = 0; at < n; at++) {
        requests[at] = request(json_array_get(asked, at));
    }
    CHECK(sluice_check_many_at(limiter, requests, n, number(call, "at"), decisions) == SLUICE_OK);
    for (size_t at = 0; at < n; at++) {
        compare(&decisions[at], json_array_get(expected, at));
    }
    return n;
}

/* Asks one call; how many answers it had. */
static size_t ask(const sluice_limiter *limiter, const json_t *call) {
    const char *op = text(call, "op");
    const json_t *expected = json_object_get(call, "expect");
    if (strcmp(op, "check_many") == 0) {
        return ask_many(limiter, call, expected);
    }
    const json_t *named = json_object_get(call, "key");
    const char *key = json_string_value(named);
    const size_t key_len = json_string_length(named);
    if (strcmp(op, "reset") == 0) {
        CHECK(sluice_reset(limiter, key, key_len) == SLUICE_OK);
        return 0;
    }
    const uint64_t cost = number(call, "cost"), now = number(call, "at");
    if (strcmp(op, "refund") == 0) {
        CHECK(sluice_refund_at(limiter, key, key_len, cost, now) == SLUICE_OK);
        return 0;
    }
    sluice_decision decision;
    if (strcmp(op, "check") == 0) {
        CHECK(sluice_check_at(limiter, key, key_len, cost, now, &decision) == SLUICE_OK);
    } else {
        CHECK(strcmp(op, "peek") == 0);
        CHECK(sluice_peek_at(limiter, key, key_len, cost, now, &decision) == SLUICE_OK);
    }
    compare(&decision, expected);
    return 1;
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    json_error_t error;
    json_t *stories = json_load_file(arguments[1], JSON_ALLOW_NUL, &error);
    CHECK(stories);
    size_t answers = 0, at, number_of_call;
    json_t *story, *call;
    json_array_foreach(stories, at, story) {
        sluice_limiter *limiter = NULL;
        CHECK(sluice_limiter_new(text(story, "policy"), 100, &limiter) == SLUICE_OK);
        json_array_foreach(json_object_get(story, "calls"), number_of_call, call) {
            answers += ask(limiter, call);
        }
        sluice_limiter_free(limiter);
    }
    json_decref(stories);
    printf("%zu answers\n", answers);
    return 0;
}
