/* Who is asking, and the client's side of a 429: what the functions answer, and every argument wrong in turn. */

#include "check.h"

/* The call must fail with this status and say this. */
#define REFUSED(call, expected_status, expected_text) refused(__LINE__, (call), (expected_status), (expected_text))

static void refused(int line, int32_t status, int32_t expected_status, const char *expected_text) {
    char text[SLUICE_ERROR_TEXT_MAX];
    sluice_last_error(text, sizeof text);
    if (status != expected_status || !strstr(text, expected_text)) {
        fprintf(stderr, "%s:%d: status %d: %s\n", __FILE__, line, (int)status, text);
        exit(1);
    }
}

/* What is in the place of a pointer that must not be written. */
static uint64_t other_object;

static void *misaligned(void *pointer) {
    return (char *)pointer + 1;
}

static const unsigned char proxy[4] = {10, 0, 0, 7};
static const unsigned char ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
static const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 10};

static const char *text_of(const sluice_client *client) {
    static char text[SLUICE_CLIENT_TEXT_MAX];
    size_t length = 0;
    CHECK(sluice_client_text(client, text, sizeof text, &length) == SLUICE_OK && length == strlen(text));
    return text;
}

static sluice_identity *identity_with(const sluice_identity_options *options) {
    sluice_identity *identity = NULL;
    CHECK(sluice_identity_new(options, &identity) == SLUICE_OK && identity);
    return identity;
}

static void finds_clients(void) {
    sluice_client client;
    CHECK(sluice_client_key(NULL, ipv6, 16, NULL, 0, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "2001:db8:1:2::/64") == 0 && client.source == SLUICE_SOURCE_PEER);
    CHECK(client.address_len == 16 && memcmp(client.address, ipv6, 16) == 0);
    CHECK(sluice_client_key(NULL, mapped, 16, NULL, 0, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "203.0.113.10") == 0 && client.address_len == 4);
    CHECK(sluice_client_key(NULL, NULL, 0, NULL, 0, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "local") == 0 && client.address_len == 0 && client.key_len == 1);

    sluice_identity_options options = SLUICE_IDENTITY_OPTIONS_INIT;
    options.proxies = "10.0.0.0/8";
    options.ipv6_prefix = 48;
    sluice_identity *identity = identity_with(&options);
    const sluice_bytes lines[] = {{"6.6.6.6", 7}, {NULL, 0}, {"[2001:db8:1:2::3]:443, 10.1.1.1", 31}};
    CHECK(sluice_client_key(identity, proxy, 4, lines, 3, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "2001:db8:1::/48") == 0 && client.source == SLUICE_SOURCE_HEADER);
    const sluice_bytes hidden = {"6.6.6.6, unknown", 16};
    CHECK(sluice_client_key(identity, proxy, 4, &hidden, 1, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "10.0.0.7") == 0 && client.source == SLUICE_SOURCE_FALLBACK);
    sluice_identity_free(identity);

    options.header = "forwarded";
    options.proxies = "1";
    identity = identity_with(&options);
    const sluice_bytes forwarded = {"for=\", for=\"203.0.113.10:80\"", 28};
    CHECK(sluice_client_key(identity, NULL, 0, &forwarded, 1, &client) == SLUICE_OK);
    CHECK(strcmp(text_of(&client), "203.0.113.10") == 0);
    sluice_identity_free(identity);
    sluice_identity_free(NULL);

    sluice_limiter *limiter = NULL;
    CHECK(sluice_limiter_new("fixed-window 1/3653d", 10, &limiter) == SLUICE_OK);
    sluice_decision decision;
    CHECK(sluice_check(limiter, client.key, client.key_len, 1, &decision) == SLUICE_OK && decision.allowed);
    CHECK(sluice_client_key(NULL, mapped, 16, NULL, 0, &client) == SLUICE_OK);
    CHECK(sluice_check(limiter, client.key, client.key_len, 1, &decision) == SLUICE_OK && !decision.allowed);
    sluice_limiter_free(limiter);
}

static void joins_keys(void) {
    sluice_client client;
    CHECK(sluice_client_key(NULL, mapped, 16, NULL, 0, &client) == SLUICE_OK);
    const sluice_key_part parts[] = {
        {SLUICE_PART_ADDRESS, 0, NULL, 0, client.key, client.key_len},
        {SLUICE_PART_USER, 0, NULL, 0, "ann", 3},
        {SLUICE_PART_HEADER, 0, "X-Key", 5, "K", 1},
        {SLUICE_PART_NAMED, 0, "a", 1, NULL, 0},
    };
    char key[256], other[256];
    size_t length = 0, other_length = 0;
    CHECK(sluice_key_join(parts, 4, key, sizeof key, &length) == SLUICE_OK && length == 6 + 5 + 9 + 4);
    CHECK(memcmp(key, client.key, client.key_len) == 0 && memcmp(key + 6, "u\3annh\5x-key\1Kn\1a", 18) == 0);
    CHECK(sluice_key_join(parts, 1, other, client.key_len, &other_length) == SLUICE_OK && other_length == client.key_len);
    CHECK(sluice_key_join(NULL, 0, NULL, 0, &other_length) == SLUICE_OK && other_length == 0);
    other_length = 7;
    REFUSED(sluice_key_join(parts, 4, key, 23, &other_length), SLUICE_ERR_BUFFER, "cap is 23; the key needs 24 bytes");
    CHECK(other_length == length);

    sluice_key_part bad = parts[0];
    bad.value_len = 5;
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].value is no address's key");
    bad.kind = 4;
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].kind is none of");
    bad = parts[1];
    bad.name_len = 1;
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].name is NULL but");
    bad.name = "x";
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].name is for headers");
    bad = parts[1];
    bad.reserved = 1;
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].reserved");
    bad = parts[1];
    bad.value_len = SIZE_MAX;
    REFUSED(sluice_key_join(&bad, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts[0].value_len is 184467440737");
    REFUSED(sluice_key_join(NULL, 1, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "parts is NULL");
    REFUSED(sluice_key_join(parts, SIZE_MAX, key, sizeof key, &length), SLUICE_ERR_ARGUMENT, "n is 184467440737");
    REFUSED(sluice_key_join(parts, 1, NULL, 5, &length), SLUICE_ERR_ARGUMENT, "buf is NULL");
    REFUSED(sluice_key_join(parts, 1, key, SIZE_MAX, &length), SLUICE_ERR_ARGUMENT, "cap is 184467440737");
    REFUSED(sluice_key_join(parts, 1, key, sizeof key, NULL), SLUICE_ERR_ARGUMENT, "length is NULL");
}

static void lists_networks(void) {
    sluice_networks *networks = NULL;
    CHECK(sluice_networks_new("10.0.0.0/8, 203.0.113.10, unix", &networks) == SLUICE_OK);
    uint32_t contains = 7;
    CHECK(sluice_networks_contain(networks, proxy, 4, &contains) == SLUICE_OK && contains == 1);
    CHECK(sluice_networks_contain(networks, mapped, 16, &contains) == SLUICE_OK && contains == 1);
    CHECK(sluice_networks_contain(networks, ipv6, 16, &contains) == SLUICE_OK && contains == 0);
    CHECK(sluice_networks_contain(networks, NULL, 0, &contains) == SLUICE_OK && contains == 1);

    REFUSED(sluice_networks_contain(NULL, proxy, 4, &contains), SLUICE_ERR_ARGUMENT, "contain: networks is NULL");
    REFUSED(sluice_networks_contain(networks, proxy, 5, &contains), SLUICE_ERR_ARGUMENT, "address_len is 5; it is 4 (IPv4)");
    REFUSED(sluice_networks_contain(networks, NULL, 4, &contains), SLUICE_ERR_ARGUMENT, "address is NULL");
    REFUSED(sluice_networks_contain(networks, proxy, 4, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    sluice_networks_free(networks);
    sluice_networks_free(NULL);
    sluice_networks *none = NULL;
    REFUSED(sluice_networks_new("10.0.0.0/33", &none), SLUICE_ERR_ARGUMENT, "10.0.0.0/33");
    REFUSED(sluice_networks_new(NULL, &none), SLUICE_ERR_ARGUMENT, "text is NULL");
    REFUSED(sluice_networks_new("10.0.0.0/8", NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    CHECK(none == NULL);
}

static void shows_keys(void) {
    char text[32];
    size_t length = 0;
    CHECK(sluice_key_text("u\003ann", 5, text, sizeof text, &length) == SLUICE_OK);
    CHECK(length == 8 && strcmp(text, "user=ann") == 0);
    CHECK(sluice_key_text(NULL, 0, text, sizeof text, &length) == SLUICE_OK && strcmp(text, "everybody") == 0);
    CHECK(sluice_key_text("h\001k\006secret", 10, text, sizeof text, &length) == SLUICE_OK);
    CHECK(length == 19 && strncmp(text, "k=#", 3) == 0 && !strstr(text, "secret"));
    CHECK(sluice_key_text("a\r\nb", 4, text, sizeof text, &length) == SLUICE_OK && strcmp(text, "a\\x0d\\x0ab") == 0);
    REFUSED(sluice_key_text("u\003ann", 5, text, 8, &length), SLUICE_ERR_BUFFER, "cap is 8; the text needs 9 bytes");
    CHECK(length == 8);
    REFUSED(sluice_key_text(NULL, 1, text, sizeof text, &length), SLUICE_ERR_ARGUMENT, "key is NULL");
    REFUSED(sluice_key_text("u", 1, NULL, 8, &length), SLUICE_ERR_ARGUMENT, "buf is NULL");
    REFUSED(sluice_key_text("u", 1, text, 8, NULL), SLUICE_ERR_ARGUMENT, "length is NULL");
}

static void refuses_wrong_identities(void) {
    sluice_identity *const none = (sluice_identity *)&other_object;
    sluice_identity *out = none;
    sluice_identity_options options = SLUICE_IDENTITY_OPTIONS_INIT;
    REFUSED(sluice_identity_new(NULL, &out), SLUICE_ERR_ARGUMENT, "sluice_identity_new: options is NULL");
    REFUSED(sluice_identity_new(&options, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    REFUSED(sluice_identity_new(misaligned(&options), &out), SLUICE_ERR_ARGUMENT, "options is not aligned");
    options.struct_size = 0;
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "SLUICE_IDENTITY_OPTIONS_INIT");
    options = (sluice_identity_options)SLUICE_IDENTITY_OPTIONS_INIT;
    options.header = "no name";
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "header \"no name\"");
    options.header = "\xff";
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.header is not UTF-8");
    options.header = NULL;
    options.proxies = "10.0.0.0/33";
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "proxies \"10.0.0.0/33\"");
    options.proxies = NULL;
    options.ipv6_prefix = 129;
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "ipv6_prefix");
    options.ipv6_prefix = 0;
    options.ipv4_prefix = UINT32_MAX;
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "ipv4_prefix");
    options.ipv4_prefix = 0;
    options.embedded = 8;
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.embedded is 8");
    options.embedded = 0;
    options.reserved = 1;
    REFUSED(sluice_identity_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.reserved is 1");
    CHECK(out == none);

    sluice_client client, before;
    memset(&client, 7, sizeof client);
    before = client;
    const sluice_bytes line = {NULL, 1};
    REFUSED(sluice_client_key(NULL, proxy, 4, NULL, 0, NULL), SLUICE_ERR_ARGUMENT, "sluice_client_key: out is NULL");
    REFUSED(sluice_client_key(NULL, NULL, 4, NULL, 0, &client), SLUICE_ERR_ARGUMENT, "peer is NULL but peer_len is 4");
    REFUSED(sluice_client_key(NULL, proxy, 3, NULL, 0, &client), SLUICE_ERR_ARGUMENT, "peer_len is 3; it is 4 (IPv4)");
    REFUSED(sluice_client_key(NULL, proxy, 4, NULL, 1, &client), SLUICE_ERR_ARGUMENT, "lines is NULL");
    REFUSED(sluice_client_key(NULL, proxy, 4, &line, 1, &client), SLUICE_ERR_ARGUMENT, "lines[0].data is NULL but");
    REFUSED(sluice_client_key(misaligned(&options), proxy, 4, NULL, 0, &client), SLUICE_ERR_ARGUMENT, "identity is not");
    CHECK(memcmp(&client, &before, sizeof client) == 0);

    char text[SLUICE_CLIENT_TEXT_MAX];
    size_t length;
    REFUSED(sluice_client_text(&client, text, sizeof text, &length), SLUICE_ERR_ARGUMENT, "client->key is no address's");
    REFUSED(sluice_client_text(NULL, text, sizeof text, &length), SLUICE_ERR_ARGUMENT, "client is NULL");
    CHECK(sluice_client_key(NULL, proxy, 4, NULL, 0, &client) == SLUICE_OK);
    REFUSED(sluice_client_text(&client, text, 8, &length), SLUICE_ERR_BUFFER, "cap is 8; the text needs 9 bytes");
    CHECK(length == 8 && sluice_client_text(&client, text, 9, &length) == SLUICE_OK && strcmp(text, "10.0.0.7") == 0);
}

static const uint64_t NOW = 1795305600000000000; /* 22 November 2026 */
static const uint64_t SECOND = 1000000000;

static void advises(void) {
    sluice_attempt attempt = SLUICE_ATTEMPT_INIT;
    attempt.method = "GET";
    attempt.status = 429;
    sluice_header header = {"RETRY-AFTER", 11, "7", 1};
    sluice_advice advice;
    CHECK(sluice_retry_decide_at(NULL, &attempt, &header, 1, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.retry == 1 && advice.wait_ns == 7 * SECOND && advice.reason == SLUICE_GIVE_UP_NOT);
    CHECK(sluice_retry_decide_at(NULL, &attempt, &header, 1, NOW, UINT64_MAX, &advice) == SLUICE_OK);
    CHECK(advice.wait_ns == 7 * SECOND + SECOND * 7 / 10);
    CHECK(sluice_retry_decide(NULL, &attempt, &header, 1, &advice) == SLUICE_OK && advice.wait_ns >= 7 * SECOND);

    header.value = "99999999999999999999";
    header.value_len = 20;
    CHECK(sluice_retry_decide_at(NULL, &attempt, &header, 1, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.retry == 0 && advice.reason == SLUICE_GIVE_UP_SERVER_WAIT && advice.come_back_ns == SLUICE_NEVER - 1);
    CHECK(strcmp(sluice_give_up_message(advice.reason), "the server asks for a longer wait than is accepted") == 0);
    CHECK(strcmp(sluice_give_up_message(99), "unknown reason") == 0);

    attempt.method = "POST";
    CHECK(sluice_retry_decide_at(NULL, &attempt, NULL, 0, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_METHOD && advice.come_back_ns == SLUICE_NEVER);
    attempt.flags = SLUICE_ATTEMPT_REPEATABLE;
    CHECK(sluice_retry_decide_at(NULL, &attempt, NULL, 0, NOW, 0, &advice) == SLUICE_OK && advice.retry == 1);
    attempt.flags |= SLUICE_ATTEMPT_BODY_IS_GONE;
    CHECK(sluice_retry_decide_at(NULL, &attempt, NULL, 0, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_BODY);
    attempt.status = UINT32_MAX;
    CHECK(sluice_retry_decide_at(NULL, &attempt, NULL, 0, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_STATUS);
}

static void advises_by_options(void) {
    sluice_retry_options options = SLUICE_RETRY_OPTIONS_INIT;
    static const uint16_t statuses[] = {500}, with_hint[] = {403};
    options.statuses = statuses;
    options.n_statuses = 1;
    options.statuses_with_hint = with_hint;
    options.n_statuses_with_hint = 1;
    options.max_attempts = 2;
    options.max_server_wait_ns = 10 * SECOND;
    options.budget_tokens = 2;
    options.flags = SLUICE_RETRY_STRICT | SLUICE_RETRY_NO_JITTER;
    sluice_retry *retry = NULL;
    CHECK(sluice_retry_new(&options, &retry) == SLUICE_OK && retry);
    sluice_attempt attempt = SLUICE_ATTEMPT_INIT;
    attempt.method = "GET";
    attempt.status = 500;
    sluice_header headers[] = {{"retry-after", 11, "10", 2}, {NULL, 0, NULL, 0}};
    sluice_advice advice;
    CHECK(sluice_retry_decide_at(retry, &attempt, headers, 2, NOW, UINT64_MAX, &advice) == SLUICE_OK);
    CHECK(advice.retry == 1 && advice.wait_ns == 10 * SECOND);
    attempt.status = 403;
    CHECK(sluice_retry_decide_at(retry, &attempt, headers, 2, NOW, 0, &advice) == SLUICE_OK && advice.retry == 1);
    CHECK(sluice_retry_decide_at(retry, &attempt, NULL, 0, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_STATUS);
    attempt.status = 500;
    headers[0].value = "1.5"; /* is nothing strictly, so there is own back-off, and the budget does not do */
    headers[0].value_len = 3;
    CHECK(sluice_retry_decide_at(retry, &attempt, headers, 2, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_BUDGET);
    attempt.number = 2;
    CHECK(sluice_retry_decide_at(retry, &attempt, headers, 1, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_ATTEMPTS);
    attempt.status = 429;
    CHECK(sluice_retry_decide_at(retry, &attempt, headers, 1, NOW, 0, &advice) == SLUICE_OK);
    CHECK(advice.reason == SLUICE_GIVE_UP_STATUS);
    sluice_retry_free(retry);
    sluice_retry_free(NULL);
}

static void tells_what_a_response_says(void) {
    const sluice_header headers[] = {{"RateLimit", 9, "\"a\";r=0;t=30", 12}, {"x-should-retry", 14, "false", 5}};
    sluice_hint hint;
    CHECK(sluice_retry_hint(headers, 2, NOW, 0, &hint) == SLUICE_OK);
    CHECK(hint.source == SLUICE_HINT_RATE_LIMIT && hint.wait_ns == 30 * SECOND && hint.forbids_retry == 1);
    CHECK(sluice_retry_hint(NULL, 0, NOW, SLUICE_RETRY_STRICT, &hint) == SLUICE_OK);
    CHECK(hint.source == SLUICE_HINT_NONE && hint.wait_ns == SLUICE_NEVER && hint.forbids_retry == 0);
    REFUSED(sluice_retry_hint(headers, 2, NOW, 2, &hint), SLUICE_ERR_ARGUMENT, "flags is 2");
    REFUSED(sluice_retry_hint(headers, 2, NOW, 0, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
}

static void refuses_wrong_retries(void) {
    sluice_retry *const none = (sluice_retry *)&other_object;
    sluice_retry *out = none;
    sluice_retry_options options = SLUICE_RETRY_OPTIONS_INIT;
    REFUSED(sluice_retry_new(NULL, &out), SLUICE_ERR_ARGUMENT, "options is NULL");
    REFUSED(sluice_retry_new(&options, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    options.max_attempts = 1001;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "max_attempts \"1001\"");
    options.max_attempts = 0;
    options.deadline_ns = UINT64_MAX;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "deadline ");
    options.deadline_ns = 0;
    options.jitter_percent = 101;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "server_jitter \"101\"");
    options.jitter_percent = 0;
    options.budget_tokens = UINT32_MAX;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "max_tokens");
    options.budget_tokens = 0;
    options.flags = 8;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.flags is 8");
    options.flags = 0;
    options.n_statuses = 1;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.statuses is NULL");
    static const uint16_t statuses[] = {200};
    options.statuses = statuses;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "status \"200\"");
    options.statuses = NULL;
    options.n_statuses = 0;
    options.n_statuses_with_hint = 1;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.statuses_with_hint is NULL");
    options.n_statuses_with_hint = 0;
    options.reserved = 1;
    REFUSED(sluice_retry_new(&options, &out), SLUICE_ERR_ARGUMENT, "options.reserved is 1");
    CHECK(out == none);

    sluice_attempt attempt = SLUICE_ATTEMPT_INIT;
    sluice_advice advice, before;
    memset(&advice, 7, sizeof advice);
    before = advice;
    const sluice_header header = {"a", 1, NULL, 1};
    REFUSED(sluice_retry_decide(NULL, NULL, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "attempt is NULL");
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "attempt.method is NULL");
    attempt.method = "GET";
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 0, NULL), SLUICE_ERR_ARGUMENT, "out is NULL");
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 1, &advice), SLUICE_ERR_ARGUMENT, "headers is NULL");
    REFUSED(sluice_retry_decide(NULL, &attempt, &header, 1, &advice), SLUICE_ERR_ARGUMENT, "headers[0].value is NULL but");
    REFUSED(sluice_retry_decide(misaligned(&attempt), &attempt, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "retry is not");
    attempt.flags = 4;
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "attempt.flags is 4");
    attempt.flags = 0;
    attempt.reserved = 1;
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "attempt.reserved is 1");
    attempt.struct_size = 5;
    REFUSED(sluice_retry_decide(NULL, &attempt, NULL, 0, &advice), SLUICE_ERR_ARGUMENT, "SLUICE_ATTEMPT_INIT");
    CHECK(memcmp(&advice, &before, sizeof advice) == 0);
}

int main(void) {
    finds_clients();
    joins_keys();
    lists_networks();
    shows_keys();
    refuses_wrong_identities();
    advises();
    advises_by_options();
    tells_what_a_response_says();
    refuses_wrong_retries();
    return 0;
}
