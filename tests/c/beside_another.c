/* Both libraries at work, each with its own copy of Rust's runtime. */

#include "check.h"

uint32_t another_sum(uint32_t n);

int main(void) {
    sluice_limiter *limiter = NULL;
    sluice_decision decision;
    CHECK(sluice_limiter_new("nonsense", 1, &limiter) == SLUICE_ERR_POLICY);
    CHECK(another_sum(10) == 45 && another_sum(7) == 77);
    CHECK(sluice_limiter_new("fixed-window 1/3653d", 1, &limiter) == SLUICE_OK);
    CHECK(sluice_check(limiter, "key", 3, 1, &decision) == SLUICE_OK && decision.allowed);
    CHECK(sluice_check(limiter, "key", 3, 1, &decision) == SLUICE_OK && !decision.allowed);
    sluice_limiter_free(limiter);
    return 0;
}
