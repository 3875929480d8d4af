/* HTTP answers: every argument wrong in turn, buffers of every size, and the largest answers that there can be. */

#include "check.h"

static const uint64_t NOW = 1795305600000000000;
static sluice_quota *quota;
static sluice_decision denied, admitted;

/* The call must fail with this status, and say this. */
static void refused(int line, int32_t status, int32_t expected_status, const char *expected_text) {
    char text[SLUICE_ERROR_TEXT_MAX];
    sluice_last_error(text, sizeof text);
    if (status != expected_status || !strstr(text, expected_text)) {
        fprintf(stderr, "%s:%d: status %d: %s\n", __FILE__, line, (int)status, text);
        exit(1);
    }
}
#define REFUSED(call, text) refused(__LINE__, (call), SLUICE_ERR_ARGUMENT, (text))

static sluice_answer answer_of(const sluice_verdict *verdicts, size_t n) {
    sluice_answer answer = SLUICE_ANSWER_INIT;
    answer.verdicts = verdicts;
    answer.n = n;
    answer.now_unix_ns = NOW;
    return answer;
}

static void *misaligned(void *pointer) {
    return (char *)pointer + 1;
}

static void making_quotas(void) {
    sluice_quota *const none = (sluice_quota *)&denied;
    sluice_quota *out = none;
    const char *good = "fixed-window 100/m";
    char long_name[66];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    REFUSED(sluice_quota_new("name", NULL, &out), "sluice_quota_new: policy is NULL");
    REFUSED(sluice_quota_new("name", good, NULL), "sluice_quota_new: out is NULL");
    REFUSED(sluice_quota_new("name", good, misaligned(&out)), "out is not aligned");
    REFUSED(sluice_quota_new("", good, &out), "name \"\": it is empty; it takes 1 to 64 printable ASCII");
    REFUSED(sluice_quota_new("a\r\nb", good, &out), "\"a\\r\\nb\": character 2 is U+000D");
    REFUSED(sluice_quota_new("\xc3\xa9", good, &out), "character 1 is U+00E9");
    REFUSED(sluice_quota_new("\xff", good, &out), "name is not UTF-8 after its first 0 bytes");
    REFUSED(sluice_quota_new(long_name, good, &out), "it has 65 bytes");
    refused(__LINE__, sluice_quota_new("name", "nonsense", &out), SLUICE_ERR_POLICY, "\"nonsense\" is no algorithm");
    REFUSED(sluice_quota_of("name", NULL, &out), "sluice_quota_of: limiter is NULL");
    CHECK(out == none);
    long_name[64] = 0;
    CHECK(sluice_quota_new(long_name, good, &out) == SLUICE_OK);
    sluice_quota_free(out);
    CHECK(sluice_quota_new(NULL, good, &out) == SLUICE_OK);
    sluice_quota_free(out);
    sluice_quota_free(NULL);
}

static void making_settings(void) {
    sluice_http_settings *const none = (sluice_http_settings *)&denied;
    sluice_http_settings *out = none;
    sluice_http_options options = SLUICE_HTTP_OPTIONS_INIT;
    REFUSED(sluice_http_settings_new(NULL, &out), "sluice_http_settings_new: options is NULL");
    REFUSED(sluice_http_settings_new(&options, NULL), "out is NULL");
    REFUSED(sluice_http_settings_new(misaligned(&options), &out), "options is not aligned");
#define WRONG(field, value, text)                                \
    do {                                                         \
        sluice_http_options wrong = SLUICE_HTTP_OPTIONS_INIT;    \
        wrong.field = (value);                                   \
        REFUSED(sluice_http_settings_new(&wrong, &out), (text)); \
    } while (0)
    WRONG(struct_size, 0, "options.struct_size is 0; begin with SLUICE_HTTP_OPTIONS_INIT");
    WRONG(struct_size, SIZE_MAX, "begin with SLUICE_HTTP_OPTIONS_INIT, which sets it to sizeof(sluice_http_options)");
    WRONG(reserved, 1, "options.reserved is 1; it is 0");
    WRONG(families, 64, "options.families is 64; it is a sum of some of SLUICE_FAMILY_*");
    WRONG(families, SLUICE_FAMILY_NONE | SLUICE_FAMILY_IETF, "options.families is 34; ");
    WRONG(families, SLUICE_FAMILY_IETF | SLUICE_FAMILY_DRAFT_06, "families \"IETF | DRAFT_06\": they are two revisions of one draft");
    WRONG(families, SLUICE_FAMILY_IETF | SLUICE_FAMILY_DRAFT_07 | SLUICE_FAMILY_MIXED, "both write the field RateLimit");
    WRONG(retry_after, 2, "options.retry_after is 2; it is 0 (seconds) or 1 (a date)");
    WRONG(status, 200, "status \"200\": it takes 400 to 599");
    WRONG(status, 65536 + 429, "status \"65535\": it");
    WRONG(code, "", "code \"\": it is empty");
    WRONG(code, "a\nb", "code \"a\\nb\": character 2 is U+000A");
    WRONG(message, "two\r\nlines", "message \"two\\r\\nlines\": character 4 is U+000D");
    WRONG(message, "\x80", "options.message is not UTF-8 after its first 0 bytes");
    WRONG(problem_type, "not a uri", "problem_type \"not a uri\": character 4 is U+0020");
    WRONG(burst_parameter, "Burst", "burst_parameter \"Burst\": character 1 is U+0042");
    WRONG(burst_parameter, "pk", "the draft has a parameter of that name");
    struct {
        sluice_http_options known;
        uint64_t newer;
    } grown = {SLUICE_HTTP_OPTIONS_INIT, 1};
    grown.known.struct_size = sizeof grown;
    REFUSED(sluice_http_settings_new(&grown.known, &out), "that this library (version 0.1.0) does not know");
    CHECK(out == none);
    grown.newer = 0;
    CHECK(sluice_http_settings_new(&grown.known, &out) == SLUICE_OK);
    sluice_http_settings_free(out);
    /* Compiled before there were texts: what is behind its struct is none of ours. */
    options.code = (const char *)1;
    options.struct_size = offsetof(sluice_http_options, code);
    CHECK(sluice_http_settings_new(&options, &out) == SLUICE_OK);
    sluice_http_settings_free(out);
    sluice_http_settings_free(NULL);
}

static void nobody(void *context, const char *name, size_t name_length, const char *value, size_t value_length) {
    (void)name;
    (void)value;
    *(size_t *)context += name_length + value_length;
}

/* Whatever is wrong with an answer, each function that takes one says so. */
static void all_refuse(int line, const sluice_answer *answer, const char *text) {
    sluice_outcome outcome = SLUICE_OUTCOME_INIT;
    char buffer[64];
    size_t length = 77, called = 0;
    refused(line, sluice_answer_outcome(answer, &outcome), SLUICE_ERR_ARGUMENT, text);
    refused(line, sluice_answer_headers(answer, nobody, &called), SLUICE_ERR_ARGUMENT, text);
    refused(line, sluice_answer_header_lines(answer, buffer, sizeof buffer, &length), SLUICE_ERR_ARGUMENT, text);
    refused(line, sluice_answer_body(answer, SLUICE_BODY_JSON, buffer, sizeof buffer, &length), SLUICE_ERR_ARGUMENT, text);
    CHECK(called == 0 && length == 77 && outcome.status == 0 && outcome.reason_phrase == NULL);
}

static void wrong_answers(void) {
    const sluice_verdict good = {quota, &denied, 1, NULL, 0};
    sluice_answer answer = answer_of(&good, 1);
    all_refuse(__LINE__, NULL, "answer is NULL");
    all_refuse(__LINE__, misaligned(&answer), "answer is not aligned");
    answer.struct_size = 1;
    all_refuse(__LINE__, &answer, "answer.struct_size is 1; begin with SLUICE_ANSWER_INIT");
    answer = answer_of(NULL, 1);
    all_refuse(__LINE__, &answer, "answer.verdicts is NULL");
    answer = answer_of(&good, SIZE_MAX / 8);
    all_refuse(__LINE__, &answer, "n is 2305843009213693951; the largest is ");
    answer = answer_of(&good, 1);
    answer.settings = misaligned(&answer);
    all_refuse(__LINE__, &answer, "answer.settings is not aligned");

    sluice_verdict verdicts[3] = {good, good, good};
    sluice_decision made_up = denied;
    unsigned char key[97] = {0};
#define WRONG_VERDICT(field, value, text)        \
    do {                                         \
        verdicts[2] = good;                      \
        verdicts[2].field = (value);             \
        answer = answer_of(verdicts, 3);         \
        all_refuse(__LINE__, &answer, (text));   \
    } while (0)
    WRONG_VERDICT(quota, NULL, "answer.verdicts[2].quota is NULL");
    WRONG_VERDICT(decision, NULL, "answer.verdicts[2].decision is NULL");
    WRONG_VERDICT(decision, misaligned(&made_up), "answer.verdicts[2].decision is not aligned");
    made_up.allowed = 2;
    WRONG_VERDICT(decision, &made_up, "answer.verdicts[2].decision has allowed 2 and reason 1, which no check gives");
    made_up.allowed = 0;
    made_up.reason = 6;
    WRONG_VERDICT(decision, &made_up, "has allowed 0 and reason 6, which no check gives; take it from one");
    WRONG_VERDICT(partition_key_len, 1, "answer.verdicts[2].partition_key is NULL but");
    WRONG_VERDICT(partition_key_len, SIZE_MAX, "answer.verdicts[2].partition_key_len is 18446744073709551615");
    verdicts[2] = good;
    verdicts[2].partition_key = key;
    verdicts[2].partition_key_len = sizeof key;
    answer = answer_of(verdicts, 3);
    all_refuse(__LINE__, &answer, "answer.verdicts[2]: partition_key \"97 bytes\": it takes at most 96");
    verdicts[2].partition_key_len = 96;
    CHECK(sluice_answer_headers(&answer, nobody, &verdicts[2].cost) == SLUICE_OK);
}

static void wrong_outputs(void) {
    const sluice_verdict verdict = {quota, &denied, 1, NULL, 0};
    const sluice_answer answer = answer_of(&verdict, 1);
    sluice_outcome outcome = SLUICE_OUTCOME_INIT;
    char buffer[16];
    size_t length = 0;
    uint32_t body = 77;
    REFUSED(sluice_answer_outcome(&answer, NULL), "out is NULL");
    outcome.struct_size = 3;
    REFUSED(sluice_answer_outcome(&answer, &outcome), "begin with SLUICE_OUTCOME_INIT");
    REFUSED(sluice_answer_headers(&answer, NULL, NULL), "visit is NULL");
    REFUSED(sluice_answer_header_lines(&answer, NULL, 16, &length), "buf is NULL");
    REFUSED(sluice_answer_header_lines(&answer, buffer, 16, NULL), "length is NULL");
    REFUSED(sluice_answer_header_lines(&answer, buffer, SIZE_MAX, &length), "cap is 18446744073709551615");
    REFUSED(sluice_answer_body(&answer, SLUICE_BODY_JSON, NULL, 16, &length), "buf is NULL");
    REFUSED(sluice_answer_body(&answer, 5, buffer, 16, &length), "body is 5; it is 0 (JSON), ");
    REFUSED(sluice_expose_headers(64, buffer, 16, &length), "families is 64");
    REFUSED(sluice_expose_headers(0, NULL, 16, &length), "buf is NULL");
    REFUSED(sluice_body_from_accept(NULL, 1, NULL, 0, &body), "accept is NULL but accept_len is 1");
    REFUSED(sluice_body_from_accept("*/*", 3, NULL, 1, &body), "offered is NULL");
    REFUSED(sluice_body_from_accept("*/*", 3, &body, 1, &body), "offered is 77");
    REFUSED(sluice_body_from_accept("*/*", 3, &body, 6, &body), "n is 6; there are no more than 5 bodies");
    REFUSED(sluice_body_from_accept("*/*", 3, NULL, 0, NULL), "out is NULL");
    CHECK(body == 77);
    CHECK(strcmp(sluice_body_content_type(5), "application/octet-stream") == 0);
    CHECK(strcmp(sluice_body_content_type(SLUICE_BODY_HTML), "text/html; charset=utf-8") == 0);
}

/* In a buffer of any size there is all or nothing, nothing behind it is touched, and the size that is needed is told. */
static void buffers_of_every_size(void) {
    const sluice_verdict verdict = {quota, &denied, 1, NULL, 0};
    const sluice_answer answer = answer_of(&verdict, 1);
    size_t needed = 0, length = 0;
    refused(__LINE__, sluice_answer_body(&answer, SLUICE_BODY_TEXT, NULL, 0, &needed), SLUICE_ERR_BUFFER, "cap is 0; the text needs ");
    CHECK(needed > 20);
    for (size_t cap = 1; cap <= needed + 2; cap++) {
        char *buffer = malloc(cap); /* so that valgrind and ASan see what is behind it */
        CHECK(buffer);
        const int32_t status = sluice_answer_body(&answer, SLUICE_BODY_TEXT, buffer, cap, &length);
        CHECK(length == needed && status == (cap > needed ? SLUICE_OK : SLUICE_ERR_BUFFER));
        CHECK(status != SLUICE_OK || strlen(buffer) == needed);
        free(buffer);
    }
    refused(__LINE__, sluice_answer_header_lines(&answer, NULL, 0, &needed), SLUICE_ERR_BUFFER, "the text needs ");
    char *exact = malloc(needed + 1);
    CHECK(exact && sluice_answer_header_lines(&answer, exact, needed + 1, &length) == SLUICE_OK && length == needed);
    CHECK(strcmp(exact + needed - 27, "\r\nCache-Control: no-store\r\n") == 0);
    free(exact);
    char list[256];
    CHECK(sluice_expose_headers(0, list, sizeof list, &length) == SLUICE_OK && length == strlen(list));
    CHECK(strcmp(list, "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit") == 0);
    CHECK(sluice_expose_headers(SLUICE_FAMILY_NONE, list, 12, &length) == SLUICE_OK && strcmp(list, "Retry-After") == 0);
    CHECK(sluice_expose_headers(SLUICE_FAMILY_NONE, list, 11, &length) == SLUICE_ERR_BUFFER && length == 11);
    CHECK(sluice_expose_headers(SLUICE_FAMILY_X_RATELIMIT | SLUICE_FAMILY_DRAFT_06 | SLUICE_FAMILY_DRAFT_07 | SLUICE_FAMILY_MIXED, list,
                                sizeof list, &length) == SLUICE_OK);
}

/* The longest name, message and key, every family, and numbers as large as they come: within the documented sizes. */
static void the_largest_answers_fit(void) {
    enum { MOST = 40 };
    char name[65], message[1025], parameter[33];
    unsigned char key[96];
    memset(name, '\\', 64);
    memset(message, '"', 1024);
    memset(parameter, 'b', 32);
    memset(key, 0xff, sizeof key);
    name[64] = message[1024] = parameter[32] = 0;
    sluice_quota *longest = NULL;
    CHECK(sluice_quota_new(name, "token-bucket 4294967295/3653d burst=4294967295", &longest) == SLUICE_OK);
    sluice_http_options options = SLUICE_HTTP_OPTIONS_INIT;
    options.families = SLUICE_FAMILY_X_RATELIMIT | SLUICE_FAMILY_IETF | SLUICE_FAMILY_DRAFT_06 | SLUICE_FAMILY_MIXED;
    options.retry_after = SLUICE_RETRY_AFTER_DATE;
    options.message = message;
    options.code = name;
    options.burst_parameter = parameter;
    sluice_http_settings *settings = NULL;
    CHECK(sluice_http_settings_new(&options, &settings) == SLUICE_OK);
    const sluice_decision huge = {0, SLUICE_REASON_LIMIT, UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, 0};
    sluice_verdict verdicts[MOST];
    for (size_t at = 0; at < MOST; at++) {
        verdicts[at] = (sluice_verdict){longest, &huge, UINT64_MAX, key, sizeof key};
    }
    for (size_t n = 1; n <= MOST; n++) {
        sluice_answer answer = answer_of(verdicts, n);
        answer.settings = settings;
        answer.now_unix_ns = UINT64_MAX;
        size_t length = 0;
        char *buffer = malloc(SLUICE_BODY_MAX(n) + SLUICE_HEADER_LINES_MAX(n));
        CHECK(buffer && sluice_answer_header_lines(&answer, buffer, SLUICE_HEADER_LINES_MAX(n), &length) == SLUICE_OK);
        for (uint32_t body = 0; body < 5; body++) {
            CHECK(sluice_answer_body(&answer, body, buffer, SLUICE_BODY_MAX(n), &length) == SLUICE_OK && length > 1024);
        }
        free(buffer);
    }
    sluice_http_settings_free(settings);
    sluice_quota_free(longest);
}

static void outcomes(void) {
    const sluice_verdict verdicts[] = {{quota, &admitted, 1, NULL, 0}, {quota, &denied, 1, NULL, 0}};
    sluice_answer answer = answer_of(verdicts, 2);
    struct {
        sluice_outcome known;
        uint64_t newer;
    } outcome = {SLUICE_OUTCOME_INIT, 7};
    outcome.known.struct_size = sizeof outcome;
    CHECK(sluice_answer_outcome(&answer, &outcome.known) == SLUICE_OK);
    CHECK(outcome.known.allowed == 0 && outcome.known.status == 429 && outcome.known.speaking == 1 && outcome.newer == 0);
    CHECK(outcome.known.retry_after_s == 60 && strcmp(outcome.known.reason_phrase, "Too Many Requests") == 0);
    outcome.known.status = 7;
    outcome.known.struct_size = offsetof(sluice_outcome, status);
    CHECK(sluice_answer_outcome(&answer, &outcome.known) == SLUICE_OK && outcome.known.status == 7);
    answer.n = 0;
    outcome.known.struct_size = sizeof outcome.known;
    CHECK(sluice_answer_outcome(&answer, &outcome.known) == SLUICE_OK);
    CHECK(outcome.known.allowed == 1 && outcome.known.status == 200 && outcome.known.speaking == 0);
    const uint64_t seconds[][2] = {{0, 1}, {1, 1}, {1000000000, 1}, {1000000001, 2}, {SLUICE_NEVER, SLUICE_NEVER}};
    for (size_t at = 0; at < sizeof seconds / sizeof *seconds; at++) {
        CHECK(sluice_whole_seconds(seconds[at][0]) == seconds[at][1]);
    }
}

int main(void) {
    sluice_limiter *limiter = NULL;
    uint64_t now = 0;
    CHECK(sluice_limiter_new("fixed-window 1/m", 10, &limiter) == SLUICE_OK);
    CHECK(sluice_check_at(limiter, "key", 3, 1, NOW, &admitted) == SLUICE_OK && admitted.allowed);
    CHECK(sluice_check_at(limiter, "key", 3, 1, NOW, &denied) == SLUICE_OK && !denied.allowed);
    CHECK(sluice_quota_of("per \"minute\"", limiter, &quota) == SLUICE_OK);
    REFUSED(sluice_now(NULL, &now), "limiter is NULL");
    REFUSED(sluice_now(limiter, NULL), "out is NULL");
    CHECK(sluice_now(limiter, &now) == SLUICE_OK && now > 1700000000000000000);
    sluice_limiter_free(limiter); /* a quota needs it no more */
    making_quotas();
    making_settings();
    wrong_answers();
    wrong_outputs();
    buffers_of_every_size();
    the_largest_answers_fit();
    outcomes();
    sluice_quota_free(quota);
    return 0;
}
