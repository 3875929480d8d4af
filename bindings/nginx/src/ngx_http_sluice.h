
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
    ngx_str_t                      name;
    ngx_http_complex_value_t       key;
    ngx_str_t                      policy;    /* ends with a NUL */
    sluice_options                 options;
    uint64_t                       max_keys;
    size_t                         size;      /* of the memory of "zone" */

    /* these are given back with the configuration */
    sluice_quota                  *quota;     /* how answers tell of it */
    sluice_zone                   *zone;      /* set when the memory is there */
} ngx_http_sluice_zone_t;


/* one "sluice" of a location */

typedef struct {
    ngx_shm_zone_t                *shm_zone;
    ngx_http_complex_value_t      *cost;      /* NULL: 1 */

    /* requests that may wait without being held, NGX_MAX_UINT32_VALUE: all */
    ngx_uint_t                     delay;

    /* where it is, to tell of a zone that is nowhere */
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
    ngx_array_t                    limits;    /* of all, ngx_http_sluice_limit_t * */
} ngx_http_sluice_main_conf_t;


/* what was decided on a request: of each limit that has a key for it */

typedef struct {
    ngx_uint_t                     status;
    ngx_uint_t                     n;         /* how many limits */
    ngx_uint_t                     speaking;  /* the one that counts */
    ngx_uint_t                     status_code;
    ngx_http_sluice_limit_t      **limits;
    sluice_zone_charge            *charges;
    sluice_decision               *decisions;
    uint64_t                      *times;
    sluice_verdict                *verdicts;
    ngx_http_sluice_loc_conf_t    *conf;
} ngx_http_sluice_ctx_t;


char *ngx_http_sluice_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_sluice_init_zones(ngx_cycle_t *cycle);

char *ngx_http_sluice_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_sluice_check_limits(ngx_conf_t *cf);

ngx_int_t ngx_http_sluice_handler(ngx_http_request_t *r);
ngx_http_sluice_ctx_t *ngx_http_sluice_get_ctx(ngx_http_request_t *r);

ngx_int_t ngx_http_sluice_add_variables(ngx_conf_t *cf);

ngx_int_t ngx_http_sluice_outcome(ngx_http_sluice_ctx_t *ctx);
ngx_int_t ngx_http_sluice_deny(ngx_http_request_t *r,
    ngx_http_sluice_ctx_t *ctx);

char *ngx_http_sluice_headers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_sluice_make_settings(ngx_conf_t *cf,
    ngx_http_sluice_loc_conf_t *prev, ngx_http_sluice_loc_conf_t *conf);


extern ngx_module_t  ngx_http_sluice_module;
extern ngx_module_t  ngx_http_sluice_header_filter_module;


#endif /* _NGX_HTTP_SLUICE_H_INCLUDED_ */
