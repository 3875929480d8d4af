
/*
 * Answering: the status and the body of a denial, which sluicegate renders.
 */


#include "ngx_http_sluice.h"


static ngx_uint_t ngx_http_sluice_has_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_sluice_send_body(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, sluice_answer *answer,
    ngx_uint_t status);
static uint32_t ngx_http_sluice_body_format(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf);


/*
 * What the decisions come to: the status, and which limit counts, that with
 * the longest wait or the tightest.
 */

ngx_int_t
ngx_http_sluice_outcome(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    sluice_answer   answer;
    sluice_outcome  outcome = SLUICE_OUTCOME_INIT;

    if (ctx->status_code) {
        return NGX_OK;
    }

    ctx->speaking = 0;

    if (ngx_http_sluice_answer(r, ctx, &answer) != NGX_OK
        || sluice_answer_outcome(&answer, &outcome) != SLUICE_OK)
    {
        return NGX_ERROR;
    }

    ctx->speaking = outcome.speaking;
    ctx->status_code = outcome.status;

    return NGX_OK;
}


/* what sluicegate is to render */

ngx_int_t
ngx_http_sluice_answer(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx,
    sluice_answer *answer)
{
    ngx_uint_t               i;
    ngx_http_sluice_zone_t  *zone;

    if (ctx->verdicts == NULL) {
        ctx->verdicts = ngx_palloc(r->pool, ctx->n * sizeof(sluice_verdict));
        if (ctx->verdicts == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < ctx->n; i++) {
        zone = ctx->limits[i]->zone;

        ctx->verdicts[i].quota = zone->quota;
        ctx->verdicts[i].decision = &ctx->decisions[i];
        ctx->verdicts[i].cost = ctx->charges[i].cost;
        ctx->verdicts[i].partition_key = NULL;
        ctx->verdicts[i].partition_key_len = 0;
    }

    *answer = (sluice_answer) SLUICE_ANSWER_INIT;
    answer->settings = ctx->conf->settings;
    answer->verdicts = ctx->verdicts;
    answer->n = ctx->n;
    answer->now_unix_ns = ctx->times[ctx->speaking];

    return NGX_OK;
}


/* header fields are added by the filter, whoever makes the response */

ngx_int_t
ngx_http_sluice_deny(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    sluice_answer                answer;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ctx->conf;

    if (r != r->main
        || slcf->body == NGX_HTTP_SLUICE_BODY_OFF
        || ngx_http_sluice_has_error_page(r, ctx->status_code))
    {
        return ctx->status_code;
    }

    if (ngx_http_sluice_answer(r, ctx, &answer) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_sluice_send_body(r, slcf, &answer, ctx->status_code);
}


static ngx_uint_t
ngx_http_sluice_has_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *err_page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page || r->uri_changes == 0) {
        return 0;
    }

    err_page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (err_page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_sluice_send_body(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, sluice_answer *answer, ngx_uint_t status)
{
    /* a worker has one thread, so one place for the text is enough */
    static char   text[SLUICE_BODY_MAX(64)];

    u_char       *p;
    size_t        len;
    uint32_t      format;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_str_t     type;
    ngx_chain_t   out;

    format = ngx_http_sluice_body_format(r, slcf);

    if (sluice_answer_body(answer, format, text, sizeof(text), &len)
        != SLUICE_OK)
    {
        /* of more limits than that the response is nginx's own */
        return status;
    }

    b = ngx_create_temp_buf(r->pool, len ? len : 1);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, text, len);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    /* as in nginx's own responses */

    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    type.data = (u_char *) sluice_body_content_type(format);
    type.len = ngx_strlen(type.data);
    p = (u_char *) ngx_strchr(type.data, ';');

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = p ? (size_t) (p - type.data) : type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK && !r->header_only) {
        rc = ngx_http_output_filter(r, &out);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static uint32_t
ngx_http_sluice_body_format(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf)
{
    uint32_t                   format;
    ngx_str_t                  accept;
    ngx_table_elt_t           *header;
    ngx_http_sluice_search_t   search;

    if (slcf->body != NGX_HTTP_SLUICE_BODY_AUTO) {
        return slcf->body;
    }

    ngx_http_sluice_find_headers(&search, &r->headers_in.headers, "Accept",
                                 sizeof("Accept") - 1);

    header = ngx_http_sluice_next_header(&search);

    ngx_str_null(&accept);

    if (header) {
        accept = header->value;
    }

    if (sluice_body_from_accept((char *) accept.data, accept.len, NULL, 0,
                                &format)
        != SLUICE_OK)
    {
        return SLUICE_BODY_TEXT;
    }

    return format;
}
