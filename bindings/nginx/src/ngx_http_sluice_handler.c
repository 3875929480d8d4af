
/*
 * Deciding on a request, and holding it.
 *
 * A request is decided on once, in the first location with limits that it
 * comes to, whatever redirects and subrequests it makes.
 */


#include "ngx_http_sluice.h"


/* the longest that a request is held: a year */

#define NGX_HTTP_SLUICE_MAX_DELAY  ((ngx_msec_t) 365 * 24 * 60 * 60 * 1000)


static ngx_int_t ngx_http_sluice_decide(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, ngx_http_sluice_ctx_t **ctxp);
static ngx_int_t ngx_http_sluice_charge(ngx_http_request_t *r,
    ngx_http_sluice_limit_t *limit, sluice_zone_charge *charge);
static uint64_t ngx_http_sluice_parse_cost(ngx_http_request_t *r,
    ngx_http_sluice_zone_t *zone, ngx_str_t *value);
static ngx_http_sluice_ctx_t *ngx_http_sluice_create_ctx(
    ngx_http_request_t *r, ngx_http_sluice_loc_conf_t *slcf);
static void ngx_http_sluice_cleanup(void *data);
static ngx_msec_t ngx_http_sluice_delay_of(ngx_http_sluice_limit_t *limit,
    sluice_decision *d, uint64_t cost);
static ngx_int_t ngx_http_sluice_hold(ngx_http_request_t *r,
    ngx_msec_t delay);
static void ngx_http_sluice_release(ngx_http_request_t *r);
static void ngx_http_sluice_log_rejected(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, ngx_http_sluice_ctx_t *ctx);


ngx_int_t
ngx_http_sluice_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_msec_t                   delay, longest;
    ngx_uint_t                   i, k;
    ngx_http_sluice_ctx_t       *ctx;
    ngx_http_sluice_zone_t      *zone;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sluice_module);

    if (slcf->limits == NULL || ngx_http_sluice_get_ctx(r)) {
        return NGX_DECLINED;
    }

    rc = ngx_http_sluice_decide(r, slcf, &ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->status == NGX_HTTP_SLUICE_REJECTED) {

        ngx_http_sluice_log_rejected(r, slcf, ctx);

        if (slcf->dry_run) {
            ctx->status = NGX_HTTP_SLUICE_REJECTED_DRY_RUN;
            return NGX_DECLINED;
        }

        return ngx_http_sluice_deny(r, ctx);
    }

    longest = 0;
    k = 0;

    for (i = 0; i < ctx->n; i++) {
        delay = ngx_http_sluice_delay_of(ctx->limits[i], &ctx->decisions[i],
                                         ctx->charges[i].cost);
        if (delay > longest) {
            longest = delay;
            k = i;
        }
    }

    /* a subrequest has no connection of its own that could wait */

    if (longest == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    zone = ctx->limits[k]->shm_zone->data;

    ngx_log_error(slcf->delay_log_level, r->connection->log, 0,
                  "delaying request%s, by %M ms, by zone \"%V\"",
                  slcf->dry_run ? ", dry run" : "", longest, &zone->name);

    if (slcf->dry_run) {
        ctx->status = NGX_HTTP_SLUICE_DELAYED_DRY_RUN;
        return NGX_DECLINED;
    }

    ctx->status = NGX_HTTP_SLUICE_DELAYED;

    return ngx_http_sluice_hold(r, longest);
}


/* NGX_DECLINED: nothing limits the request, for it has no key */

static ngx_int_t
ngx_http_sluice_decide(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, ngx_http_sluice_ctx_t **ctxp)
{
    uint32_t                  allowed;
    ngx_int_t                 rc;
    ngx_uint_t                i;
    sluice_zone_charge        charge;
    ngx_http_sluice_ctx_t    *ctx;
    ngx_http_sluice_limit_t  *limits;

    ctx = NULL;
    limits = slcf->limits->elts;

    for (i = 0; i < slcf->limits->nelts; i++) {

        rc = ngx_http_sluice_charge(r, &limits[i], &charge);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK) {
            return rc;
        }

        if (ctx == NULL) {
            ctx = ngx_http_sluice_create_ctx(r, slcf);
            if (ctx == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }

        ctx->charges[ctx->n] = charge;
        ctx->limits[ctx->n++] = &limits[i];
    }

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    if (sluice_zone_check_all(ctx->charges, ctx->n, ctx->decisions, ctx->times,
                              &allowed)
        != SLUICE_OK)
    {
        /* the arguments are right, so it is a bug */

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "sluicegate failed to decide");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->status = allowed ? NGX_HTTP_SLUICE_PASSED : NGX_HTTP_SLUICE_REJECTED;
    
    /* one limit that admits speaks for itself */

    if ((ctx->n > 1 || !allowed) && ngx_http_sluice_outcome(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "sluice: %ui limits, status %ui, %uL left",
                   ctx->n, ctx->status,
                   ctx->decisions[ctx->speaking].remaining);

    *ctxp = ctx;

    return NGX_OK;
}


/* who asks the zone for how much; NGX_DECLINED: there is no key */

static ngx_int_t
ngx_http_sluice_charge(ngx_http_request_t *r, ngx_http_sluice_limit_t *limit,
    sluice_zone_charge *charge)
{
    ngx_str_t                key, cost;
    ngx_http_sluice_zone_t  *zone;

    zone = limit->shm_zone->data;

    if (ngx_http_complex_value(r, &zone->key, &key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (key.len == 0) {
        return NGX_DECLINED;
    }

    charge->zone = zone->zone;
    charge->key = key.data;
    charge->key_len = key.len;
    charge->cost = 1;

    if (limit->cost) {

        if (ngx_http_complex_value(r, limit->cost, &cost) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        charge->cost = ngx_http_sluice_parse_cost(r, zone, &cost);
    }

    return NGX_OK;
}


static uint64_t
ngx_http_sluice_parse_cost(ngx_http_request_t *r, ngx_http_sluice_zone_t *zone,
    ngx_str_t *value)
{
    u_char     c;
    size_t     i;
    uint64_t   cost;

    cost = 0;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c < '0' || c > '9') {
            break;
        }

        if (cost > (UINT64_MAX - (c - '0')) / 10) {
            /* more than any limit */
            return UINT64_MAX;
        }

        cost = cost * 10 + (c - '0');
    }

    if (i == 0 || i < value->len) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the cost \"%V\" for zone \"%V\" is not a whole number, "
                      "1 is charged", value, &zone->name);
        return 1;
    }

    return cost;
}


/*
 * The context belongs to the main request and outlives internal redirects,
 * which clear those of all modules: then it is found as a cleanup.
 */

static ngx_http_sluice_ctx_t *
ngx_http_sluice_create_ctx(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf)
{
    size_t                  n;
    u_char                 *p;
    ngx_pool_cleanup_t     *cln;
    ngx_http_sluice_ctx_t  *ctx;

    n = slcf->limits->nelts;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_sluice_ctx_t)
                               + n * (sizeof(ngx_http_sluice_limit_t *)
                                      + sizeof(sluice_zone_charge)
                                      + sizeof(sluice_decision)
                                      + sizeof(uint64_t)
                                      + sizeof(sluice_verdict)));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    cln->handler = ngx_http_sluice_cleanup;

    ngx_memzero(ctx, sizeof(ngx_http_sluice_ctx_t));
    ctx->conf = slcf;

    p = (u_char *) (ctx + 1);

    ctx->charges = (sluice_zone_charge *) p;
    p += n * sizeof(sluice_zone_charge);

    ctx->decisions = (sluice_decision *) p;
    p += n * sizeof(sluice_decision);

    ctx->times = (uint64_t *) p;
    p += n * sizeof(uint64_t);

    ctx->verdicts = (sluice_verdict *) p;
    p += n * sizeof(sluice_verdict);

    ctx->limits = (ngx_http_sluice_limit_t **) p;

    ngx_http_set_ctx(r->main, ctx, ngx_http_sluice_module);

    return ctx;
}


static void
ngx_http_sluice_cleanup(void *data)
{
    /* all is the pool's */
}


ngx_http_sluice_ctx_t *
ngx_http_sluice_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_sluice_ctx_t  *ctx;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_sluice_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_sluice_cleanup) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_sluice_module);
                break;
            }
        }
    }

    return ctx;
}


static ngx_msec_t
ngx_http_sluice_delay_of(ngx_http_sluice_limit_t *limit, sluice_decision *d,
    uint64_t cost)
{
    uint64_t  ns, permit;

    ns = d->delay_ns;

    if (ns == 0 || limit->delay == NGX_MAX_UINT32_VALUE || cost == 0) {
        return 0;
    }

    if (limit->delay) {
        /* the queue is empty when all in it, and this one, have left */
        permit = (d->reset_after_ns - ns) / cost;

        if (permit && ns / permit < limit->delay) {
            return 0;
        }

        ns -= limit->delay * permit;
    }

    /* milliseconds, rounded up: never too early */

    ns = ns / 1000000 + (ns % 1000000 != 0);

    return ngx_min(ns, NGX_HTTP_SLUICE_MAX_DELAY);
}


static ngx_int_t
ngx_http_sluice_hold(ngx_http_request_t *r, ngx_msec_t delay)
{
    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else {
        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_sluice_release;

    /* timers count from the cached time, the delay does not */

    ngx_time_update();

    r->connection->write->delayed = 1;
    ngx_add_timer(r->connection->write, delay);

    return NGX_AGAIN;
}


static void
ngx_http_sluice_release(ngx_http_request_t *r)
{
    ngx_event_t  *wev;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "sluice release");

    wev = r->connection->write;

    if (wev->delayed) {

        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/* in the words of limit_req, which log watchers know */

static void
ngx_http_sluice_log_rejected(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, ngx_http_sluice_ctx_t *ctx)
{
    uint64_t                 cost;
    ngx_uint_t               level;
    sluice_decision         *d;
    ngx_http_sluice_zone_t  *zone;

    d = &ctx->decisions[ctx->speaking];
    zone = ctx->limits[ctx->speaking]->shm_zone->data;
    cost = ctx->charges[ctx->speaking].cost;
    level = slcf->limit_log_level;

    switch (d->reason) {

    case SLUICE_REASON_TABLE_FULL:
        ngx_log_error(level, r->connection->log, 0,
                      "limiting requests%s, no room for more keys in zone \"%V\"",
                      slcf->dry_run ? ", dry run" : "", &zone->name);
        return;

    case SLUICE_REASON_TABLE_DAMAGED:
    case SLUICE_REASON_TIME_OUT_OF_RANGE:
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "limiting requests%s, zone \"%V\" is unusable, reason %uD",
                      slcf->dry_run ? ", dry run" : "", &zone->name, d->reason);
        return;
    }

    ngx_log_error(level, r->connection->log, 0,
                  "limiting requests%s, excess: %uL by zone \"%V\"",
                  slcf->dry_run ? ", dry run" : "", cost - d->remaining,
                  &zone->name);
}
