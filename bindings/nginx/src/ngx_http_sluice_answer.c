
/*
 * Answering: header fields and bodies, which sluicegate renders.
 */


#include "ngx_http_sluice.h"


ngx_int_t
ngx_http_sluice_deny(ngx_http_request_t *r, ngx_http_sluice_loc_conf_t *slcf,
    ngx_http_sluice_ctx_t *ctx)
{
    return slcf->status_code;
}
