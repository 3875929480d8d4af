
/*
 * What was decided on a request, as long as it lasts.
 *
 * Modules' own contexts are cleared by internal redirects, and a subrequest
 * has others.  The values of variables stay, and are the same for a request
 * and its subrequests: so the context is kept as the value of a variable that
 * has no text.
 */


#include "ngx_http_sluice.h"


static ngx_int_t ngx_http_sluice_no_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_str_t  ngx_http_sluice_ctx_name = ngx_string("sluice_context");


ngx_int_t
ngx_http_sluice_add_ctx(ngx_conf_t *cf)
{
    ngx_http_variable_t          *var;
    ngx_http_sluice_main_conf_t  *smcf;

    var = ngx_http_add_variable(cf, &ngx_http_sluice_ctx_name,
                                NGX_HTTP_VAR_NOHASH);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_sluice_no_value;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sluice_module);

    smcf->ctx_index = ngx_http_get_variable_index(cf,
                                                  &ngx_http_sluice_ctx_name);

    return (smcf->ctx_index == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_sluice_no_value(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}


ngx_http_sluice_ctx_t *
ngx_http_sluice_create_ctx(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf)
{
    size_t                  n;
    u_char                 *p;
    ngx_http_sluice_ctx_t  *ctx;

    n = slcf->limits->nelts;

    p = ngx_palloc(r->pool, sizeof(ngx_http_sluice_ctx_t)
                            + n * (sizeof(sluice_zone_charge)
                                   + sizeof(sluice_decision)
                                   + sizeof(uint64_t)
                                   + sizeof(ngx_http_sluice_limit_t *)));
    if (p == NULL) {
        return NULL;
    }

    ctx = (ngx_http_sluice_ctx_t *) p;
    p += sizeof(ngx_http_sluice_ctx_t);

    ctx->charges = (sluice_zone_charge *) p;
    p += n * sizeof(sluice_zone_charge);

    ctx->decisions = (sluice_decision *) p;
    p += n * sizeof(sluice_decision);

    ctx->times = (uint64_t *) p;
    p += n * sizeof(uint64_t);

    ctx->limits = (ngx_http_sluice_limit_t **) p;

    ctx->n = 0;
    ctx->status_code = 0;
    ctx->verdicts = NULL;
    ctx->conf = slcf;

    return ctx;
}


void
ngx_http_sluice_set_ctx(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    ngx_http_variable_value_t    *vv;
    ngx_http_sluice_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sluice_module);
    vv = &r->variables[smcf->ctx_index];

    vv->len = 0;
    vv->valid = 1;
    vv->no_cacheable = 0;
    vv->not_found = 0;
    vv->data = (u_char *) ctx;
}
