
/*
 * Holding a request, for as long as a leaky bucket says.
 */


#include "ngx_http_sluice.h"


/* the longest that a request is held: a year */

#define NGX_HTTP_SLUICE_MAX_DELAY  ((ngx_msec_t) 365 * 24 * 60 * 60 * 1000)


static ngx_msec_t ngx_http_sluice_delay_of(ngx_http_sluice_limit_t *limit,
    sluice_decision *d, uint64_t cost);
static ngx_int_t ngx_http_sluice_hold(ngx_http_request_t *r,
    ngx_msec_t delay);
static void ngx_http_sluice_release(ngx_http_request_t *r);


ngx_int_t
ngx_http_sluice_delay(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    ngx_msec_t                   delay, longest;
    ngx_uint_t                   i, k;
    ngx_http_sluice_zone_t      *zone;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ctx->conf;
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

    zone = ctx->limits[k]->zone;

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
