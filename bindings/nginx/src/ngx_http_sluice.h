
/*
 * Rate limiting by sluicegate: what the files of the module share.
 */


#ifndef _NGX_HTTP_SLUICE_H_INCLUDED_
#define _NGX_HTTP_SLUICE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <sluicegate.h>


#define NGX_HTTP_SLUICE_PASSED            1
#define NGX_HTTP_SLUICE_DELAYED           2
#define NGX_HTTP_SLUICE_REJECTED          3
#define NGX_HTTP_SLUICE_DELAYED_DRY_RUN   4
#define NGX_HTTP_SLUICE_REJECTED_DRY_RUN  5


/* "sluice_body", beside SLUICE_BODY_* */

#define NGX_HTTP_SLUICE_BODY_AUTO         100
#define NGX_HTTP_SLUICE_BODY_OFF          101


/* what "sluice_zone" has said, for one configuration */

typedef struct {
    /* what each request looks at comes first */
    sluice_zone                   *zone;      /* set when the memory is there */
    ngx_int_t                      variable;  /* that is all of the key */
    ngx_http_complex_value_t       key;

    ngx_str_t                      name;
    ngx_str_t                      policy;    /* ends with a NUL */
    sluice_options                 options;
    uint64_t                       max_keys;
    size_t                         size;      /* of the memory of "zone" */

    sluice_quota                  *quota;     /* how answers tell of it */
} ngx_http_sluice_zone_t;


/* one "sluice" of a location */

typedef struct {
    ngx_http_sluice_zone_t        *zone;      /* set when all are declared */
    ngx_http_complex_value_t      *cost;      /* NULL: 1 */

    /* requests that may wait without being held, NGX_MAX_UINT32_VALUE: all */
    ngx_uint_t                     delay;

    /* where it is, to tell of a zone that is nowhere */
    ngx_shm_zone_t                *shm_zone;
    ngx_str_t                      file;
    ngx_uint_t                     line;
} ngx_http_sluice_limit_t;


typedef struct {
    ngx_array_t                   *limits;    /* ngx_http_sluice_limit_t */
    ngx_uint_t                     limit_log_level;
    ngx_uint_t                     delay_log_level;
    ngx_uint_t                     status_code;
    ngx_flag_t                     dry_run;
    ngx_uint_t                     families;  /* SLUICE_FAMILY_* */
    ngx_flag_t                     denials_only;
    ngx_uint_t                     body;
    sluice_http_settings          *settings;  /* families and status_code */
} ngx_http_sluice_loc_conf_t;


typedef struct {
    ngx_int_t                      ctx_index; /* of the variable that has it */
    ngx_array_t                    limits;    /* of all levels, ngx_array_t * */
} ngx_http_sluice_main_conf_t;


/* what was decided on a request: of each limit that has a key for it */

typedef struct {
    ngx_uint_t                     status;
    ngx_uint_t                     n;         /* how many limits */
    ngx_uint_t                     speaking;  /* the one that counts */
    ngx_uint_t                     status_code; /* 0: not known, nor is that */
    ngx_http_sluice_limit_t      **limits;
    sluice_zone_charge            *charges;
    sluice_decision               *decisions;
    uint64_t                      *times;
    sluice_verdict                *verdicts;
    ngx_http_sluice_loc_conf_t    *conf;
} ngx_http_sluice_ctx_t;


/* for the fields of a header that have one name */

typedef struct {
    ngx_list_part_t               *part;
    ngx_uint_t                     i;
    u_char                        *name;
    size_t                         len;
} ngx_http_sluice_search_t;


char *ngx_http_sluice_core_error(ngx_conf_t *cf);
char *ngx_http_sluice_repeated(ngx_conf_t *cf, ngx_str_t *value);

char *ngx_http_sluice_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_sluice_init_zone(ngx_shm_zone_t *shm_zone, void *data);
ngx_int_t ngx_http_sluice_init_zones(ngx_cycle_t *cycle);
void ngx_http_sluice_free_zone(void *data);

char *ngx_http_sluice_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_sluice_check_limits(ngx_conf_t *cf);

char *ngx_http_sluice_headers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_sluice_make_settings(ngx_conf_t *cf,
    ngx_http_sluice_loc_conf_t *prev, ngx_http_sluice_loc_conf_t *conf);

ngx_int_t ngx_http_sluice_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_sluice_add_ctx(ngx_conf_t *cf);

ngx_http_sluice_ctx_t *ngx_http_sluice_create_ctx(ngx_http_request_t *r,
    ngx_http_sluice_loc_conf_t *slcf);
void ngx_http_sluice_set_ctx(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);

void ngx_http_sluice_find_headers(ngx_http_sluice_search_t *search,
    ngx_list_t *headers, const char *name, size_t len);
ngx_table_elt_t *ngx_http_sluice_next_header(ngx_http_sluice_search_t *search);

ngx_int_t ngx_http_sluice_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_sluice_delay(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);

ngx_int_t ngx_http_sluice_answer(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx, sluice_answer *answer);
ngx_int_t ngx_http_sluice_outcome(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);
ngx_int_t ngx_http_sluice_deny(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);


extern ngx_module_t  ngx_http_sluice_module;
extern ngx_module_t  ngx_http_sluice_header_filter_module;


/* NULL where nothing was decided, or not yet */

static ngx_inline ngx_http_sluice_ctx_t *
ngx_http_sluice_get_ctx(ngx_http_request_t *r)
{
    ngx_http_variable_value_t    *vv;
    ngx_http_sluice_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sluice_module);
    vv = &r->variables[smcf->ctx_index];

    return vv->valid ? (ngx_http_sluice_ctx_t *) vv->data : NULL;
}


#endif /* _NGX_HTTP_SLUICE_H_INCLUDED_ */
