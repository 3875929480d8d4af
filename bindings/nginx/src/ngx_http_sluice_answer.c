
/*
 * Answering: status, header fields and bodies, which sluicegate renders.
 */


#include "ngx_http_sluice.h"


typedef struct {
    ngx_http_request_t            *request;
    const char                    *last;      /* name of the field before */
    size_t                         last_len;
    ngx_uint_t                     failed;
} ngx_http_sluice_visit_t;


static void ngx_http_sluice_answer(ngx_http_sluice_ctx_t *ctx,
    sluice_answer *answer);
static ngx_uint_t ngx_http_sluice_has_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_sluice_send_body(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf, sluice_answer *answer,
    ngx_uint_t status);
static uint32_t ngx_http_sluice_body_format(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf);
static ngx_int_t ngx_http_sluice_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_sluice_is_told(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);
static ngx_uint_t ngx_http_sluice_is_public(ngx_http_request_t *r);
static void ngx_http_sluice_add_header(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len);
static void ngx_http_sluice_remove_headers(ngx_http_request_t *r,
    const char *name, size_t len);
static ngx_int_t ngx_http_sluice_filter_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_sluice_header_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_sluice_filter_init,           /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sluice_header_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_sluice_header_filter_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/* which limit counts: that with the longest wait, or the tightest */

ngx_int_t
ngx_http_sluice_outcome(ngx_http_sluice_ctx_t *ctx)
{
    sluice_answer   answer;
    sluice_outcome  outcome = SLUICE_OUTCOME_INIT;

    ngx_http_sluice_answer(ctx, &answer);

    if (sluice_answer_outcome(&answer, &outcome) != SLUICE_OK) {
        return NGX_ERROR;
    }

    ctx->speaking = outcome.speaking;
    ctx->status_code = outcome.status;

    return NGX_OK;
}


static void
ngx_http_sluice_answer(ngx_http_sluice_ctx_t *ctx, sluice_answer *answer)
{
    ngx_uint_t               i;
    ngx_http_sluice_zone_t  *zone;

    for (i = 0; i < ctx->n; i++) {
        zone = ctx->limits[i]->shm_zone->data;

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

    ngx_http_sluice_answer(ctx, &answer);

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
    uint32_t          format;
    ngx_str_t         accept;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    if (slcf->body != NGX_HTTP_SLUICE_BODY_AUTO) {
        return slcf->body;
    }

    ngx_str_null(&accept);

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == sizeof("Accept") - 1
            && ngx_strncasecmp(header[i].key.data, (u_char *) "Accept",
                               sizeof("Accept") - 1)
               == 0)
        {
            accept = header[i].value;
            break;
        }
    }

    if (sluice_body_from_accept((char *) accept.data, accept.len, NULL, 0,
                                &format)
        != SLUICE_OK)
    {
        return SLUICE_BODY_TEXT;
    }

    return format;
}


static ngx_int_t
ngx_http_sluice_header_filter(ngx_http_request_t *r)
{
    sluice_answer             answer;
    ngx_http_sluice_ctx_t    *ctx;
    ngx_http_sluice_visit_t   visit;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_sluice_get_ctx(r);

    if (ctx == NULL || !ngx_http_sluice_is_told(r, ctx)) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->status == NGX_HTTP_SLUICE_REJECTED) {
        ngx_http_clear_last_modified(r);
        ngx_http_clear_etag(r);
    }

    ngx_memzero(&visit, sizeof(ngx_http_sluice_visit_t));
    visit.request = r;

    ngx_http_sluice_answer(ctx, &answer);

    if (sluice_answer_headers(&answer, ngx_http_sluice_add_header, &visit)
        != SLUICE_OK
        || visit.failed)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* whether the client is told of its limits in this response */

static ngx_uint_t
ngx_http_sluice_is_told(ngx_http_request_t *r, ngx_http_sluice_ctx_t *ctx)
{
    ngx_uint_t                   status;
    ngx_http_sluice_loc_conf_t  *slcf;

    slcf = ctx->conf;
    status = r->err_status ? r->err_status : r->headers_out.status;

    if (ctx->status == NGX_HTTP_SLUICE_REJECTED) {

        /* unless "error_page" has made something else of the denial */

        return status >= NGX_HTTP_BAD_REQUEST;
    }

    if (slcf->denials_only || slcf->dry_run) {
        return 0;
    }

    /*
     * Others who deny speak for themselves; redirects would be delayed by
     * some clients; and what is kept for all is not for this one.
     */

    if (status == NGX_HTTP_TOO_MANY_REQUESTS
        || (status >= NGX_HTTP_SPECIAL_RESPONSE
            && status < NGX_HTTP_BAD_REQUEST))
    {
        return 0;
    }

    return !ngx_http_sluice_is_public(r);
}


static ngx_uint_t
ngx_http_sluice_is_public(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    part = &r->headers_out.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].hash == 0
            || header[i].key.len != sizeof("Cache-Control") - 1
            || ngx_strncasecmp(header[i].key.data, (u_char *) "Cache-Control",
                               sizeof("Cache-Control") - 1)
               != 0)
        {
            continue;
        }

        if (ngx_strlcasestrn(header[i].value.data,
                             header[i].value.data + header[i].value.len,
                             (u_char *) "public", 6 - 1)
            || ngx_strlcasestrn(header[i].value.data,
                                header[i].value.data + header[i].value.len,
                                (u_char *) "s-maxage", 8 - 1))
        {
            return 1;
        }
    }
}


/* called by sluicegate for each field of an answer */

static void
ngx_http_sluice_add_header(void *context, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
    ngx_http_sluice_visit_t  *visit = context;

    u_char              *p;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = visit->request;

    /* what is in the response already gives way, but for a line before */

    if (visit->last_len != name_len
        || ngx_memcmp(visit->last, name, name_len) != 0)
    {
        ngx_http_sluice_remove_headers(r, name, name_len);
    }

    p = ngx_pnalloc(r->pool, name_len + value_len);
    h = ngx_list_push(&r->headers_out.headers);

    if (p == NULL || h == NULL) {
        visit->failed = 1;

        if (h) {
            h->hash = 0;
        }

        return;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->lowcase_key = NULL;

    h->key.data = p;
    h->key.len = name_len;
    p = ngx_cpymem(p, name, name_len);

    h->value.data = p;
    h->value.len = value_len;
    ngx_memcpy(p, value, value_len);

    visit->last = (char *) h->key.data;
    visit->last_len = name_len;
}


static void
ngx_http_sluice_remove_headers(ngx_http_request_t *r, const char *name,
    size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    part = &r->headers_out.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == len
            && ngx_strncasecmp(header[i].key.data, (u_char *) name, len) == 0)
        {
            header[i].hash = 0;
        }
    }
}


static ngx_int_t
ngx_http_sluice_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_sluice_header_filter;

    return NGX_OK;
}
