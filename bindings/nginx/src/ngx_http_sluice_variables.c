
/*
 * The variables: what was decided, for logs, headers and maps.
 */


#include "ngx_http_sluice.h"


#define NGX_HTTP_SLUICE_LIMIT        0
#define NGX_HTTP_SLUICE_REMAINING    1
#define NGX_HTTP_SLUICE_RETRY_AFTER  2
#define NGX_HTTP_SLUICE_RESET        3


static ngx_int_t ngx_http_sluice_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sluice_zone_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sluice_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_sluice_vars[] = {

    { ngx_string("sluice_status"), NULL,
      ngx_http_sluice_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sluice_zone"), NULL,
      ngx_http_sluice_zone_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sluice_limit"), NULL,
      ngx_http_sluice_number_variable, NGX_HTTP_SLUICE_LIMIT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sluice_remaining"), NULL,
      ngx_http_sluice_number_variable, NGX_HTTP_SLUICE_REMAINING,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sluice_retry_after"), NULL,
      ngx_http_sluice_number_variable, NGX_HTTP_SLUICE_RETRY_AFTER,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("sluice_reset"), NULL,
      ngx_http_sluice_number_variable, NGX_HTTP_SLUICE_RESET,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_str_t  ngx_http_sluice_status[] = {
    ngx_string("PASSED"),
    ngx_string("DELAYED"),
    ngx_string("REJECTED"),
    ngx_string("DELAYED_DRY_RUN"),
    ngx_string("REJECTED_DRY_RUN")
};


ngx_int_t
ngx_http_sluice_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_sluice_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sluice_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_sluice_ctx_t  *ctx;

    ctx = ngx_http_sluice_get_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = ngx_http_sluice_status[ctx->status - 1].len;
    v->data = ngx_http_sluice_status[ctx->status - 1].data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sluice_zone_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_sluice_ctx_t   *ctx;
    ngx_http_sluice_zone_t  *zone;

    ctx = ngx_http_sluice_get_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    zone = ctx->limits[ctx->speaking]->shm_zone->data;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = zone->name.len;
    v->data = zone->name.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sluice_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    uint64_t                number;
    sluice_decision        *d;
    ngx_http_sluice_ctx_t  *ctx;

    ctx = ngx_http_sluice_get_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    d = &ctx->decisions[ctx->speaking];

    switch (data) {

    case NGX_HTTP_SLUICE_LIMIT:
        number = d->limit;
        break;

    case NGX_HTTP_SLUICE_REMAINING:
        number = d->remaining;
        break;

    case NGX_HTTP_SLUICE_RETRY_AFTER:

        /* only where waiting helps */

        if (d->allowed || d->retry_after_ns == SLUICE_NEVER) {
            v->not_found = 1;
            return NGX_OK;
        }

        number = sluice_whole_seconds(d->retry_after_ns);
        break;

    default: /* NGX_HTTP_SLUICE_RESET */
        number = sluice_whole_seconds(ctx->times[ctx->speaking]
                                      + d->reset_after_ns);
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = ngx_sprintf(v->data, "%uL", number) - v->data;

    return NGX_OK;
}
