
/*
 * Header fields, which sluicegate renders: added when all that others had to
 * say is said, whoever makes the response.
 */


#include "ngx_http_sluice.h"


typedef struct {
    ngx_http_request_t            *request;
    const char                    *last;      /* name of the field before */
    size_t                         last_len;
    ngx_uint_t                     failed;
} ngx_http_sluice_visit_t;


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

    if (ngx_http_sluice_outcome(r, ctx) != NGX_OK
        || ngx_http_sluice_answer(r, ctx, &answer) != NGX_OK
        || sluice_answer_headers(&answer, ngx_http_sluice_add_header, &visit)
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
    u_char                    *p, *last;
    ngx_table_elt_t           *header;
    ngx_http_sluice_search_t   search;

    ngx_http_sluice_find_headers(&search, &r->headers_out.headers,
                                 "Cache-Control", sizeof("Cache-Control") - 1);

    while ((header = ngx_http_sluice_next_header(&search)) != NULL) {

        p = header->value.data;
        last = p + header->value.len;

        if (ngx_strlcasestrn(p, last, (u_char *) "public", 6 - 1)
            || ngx_strlcasestrn(p, last, (u_char *) "s-maxage", 8 - 1))
        {
            return 1;
        }
    }

    return 0;
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
    ngx_table_elt_t           *header;
    ngx_http_sluice_search_t   search;

    ngx_http_sluice_find_headers(&search, &r->headers_out.headers, name, len);

    while ((header = ngx_http_sluice_next_header(&search)) != NULL) {
        header->hash = 0;
    }
}


static ngx_int_t
ngx_http_sluice_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_sluice_header_filter;

    return NGX_OK;
}
