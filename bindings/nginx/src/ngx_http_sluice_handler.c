
/*
 * Deciding on a request.
 *
 * It is decided on once, in the first location with limits that it comes to,
 * whatever redirects and subrequests it makes.
 */


#include "ngx_http_sluice.h"


static ngx_int_t ngx_http_sluice_charge(ngx_http_request_t *r,
    ngx_http_sluice_limit_t *limit, sluice_zone_charge *charge);
static uint64_t ngx_http_sluice_cost(ngx_http_request_t *r,
    ngx_http_sluice_zone_t *zone, ngx_str_t *value);
static ngx_int_t ngx_http_sluice_check(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);
static ngx_int_t ngx_http_sluice_reject(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);
static void ngx_http_sluice_log_rejected(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);


ngx_int_t
ngx_http_sluice_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    sluice_zone_charge           charge;
    ngx_http_sluice_ctx_t       *ctx;
    ngx_http_sluice_limit_t     *limits;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sluice_module);

    if (slcf->limits == NULL || ngx_http_sluice_get_ctx(r)) {
        return NGX_DECLINED;
    }

    ctx = NULL;
    limits = slcf->limits->elts;

    for (i = 0; i < slcf->limits->nelts; i++) {

        rc = ngx_http_sluice_charge(r, &limits[i], &charge);

        if (rc == NGX_DECLINED) {
            /* who has no key is not limited */
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

    if (ngx_http_sluice_check(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_sluice_set_ctx(r, ctx);

    if (ctx->status == NGX_HTTP_SLUICE_REJECTED) {
        return ngx_http_sluice_reject(r, ctx);
    }

    for (i = 0; i < ctx->n; i++) {
        if (ctx->decisions[i].delay_ns) {
            return ngx_http_sluice_delay(r, ctx);
        }
    }

    return NGX_DECLINED;
}


/* who asks the zone for how much; NGX_DECLINED: there is no key */

static ngx_int_t
ngx_http_sluice_charge(ngx_http_request_t *r, ngx_http_sluice_limit_t *limit,
    sluice_zone_charge *charge)
{
    ngx_str_t                   key, cost;
    ngx_http_sluice_zone_t     *zone;
    ngx_http_variable_value_t  *vv;

    zone = limit->zone;

    if (zone->variable != NGX_ERROR) {

        /* a variable alone is the key as it is, without a copy */

        vv = ngx_http_get_flushed_variable(r, zone->variable);

        if (vv == NULL || vv->not_found) {
            return NGX_DECLINED;
        }

        key.len = vv->len;
        key.data = vv->data;

    } else if (ngx_http_complex_value(r, &zone->key, &key) != NGX_OK) {
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

        charge->cost = ngx_http_sluice_cost(r, zone, &cost);
    }

    return NGX_OK;
}


static uint64_t
ngx_http_sluice_cost(ngx_http_request_t *r, ngx_http_sluice_zone_t *zone,
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


static ngx_int_t
ngx_http_sluice_check(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    int32_t   status;
    uint32_t  allowed;

    if (ctx->n == 1) {
        status = sluice_zone_check(ctx->charges->zone, ctx->charges->key,
                                   ctx->charges->key_len, ctx->charges->cost,
                                   ctx->decisions, ctx->times);
        allowed = ctx->decisions->allowed;

    } else {
        status = sluice_zone_check_all(ctx->charges, ctx->n, ctx->decisions,
                                       ctx->times, &allowed);
    }

    if (status != SLUICE_OK) {
        /* the arguments are right, so it is a bug */

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "sluicegate failed to decide");
        return NGX_ERROR;
    }

    ctx->status = allowed ? NGX_HTTP_SLUICE_PASSED : NGX_HTTP_SLUICE_REJECTED;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "sluice: %ui limits, status %ui, first has %uL left",
                   ctx->n, ctx->status, ctx->decisions->remaining);

    /* which of several limits counts is of interest to who tells of it */

    return allowed ? NGX_OK : ngx_http_sluice_outcome(r, ctx);
}


static ngx_int_t
ngx_http_sluice_reject(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    ngx_http_sluice_log_rejected(r, ctx);

    if (ctx->conf->dry_run) {
        ctx->status = NGX_HTTP_SLUICE_REJECTED_DRY_RUN;
        return NGX_DECLINED;
    }

    return ngx_http_sluice_deny(r, ctx);
}


/* in the words of limit_req, which log watchers know */

static void
ngx_http_sluice_log_rejected(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx)
{
    uint64_t                     cost;
    ngx_uint_t                   level;
    sluice_decision             *d;
    ngx_http_sluice_zone_t      *zone;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ctx->conf;
    d = &ctx->decisions[ctx->speaking];
    zone = ctx->limits[ctx->speaking]->zone;
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
