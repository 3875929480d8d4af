
/*
 * The directive "sluice".
 */


#include "ngx_http_sluice.h"


static char *ngx_http_sluice_cost(ngx_conf_t *cf,
    ngx_http_sluice_limit_t *limit, ngx_str_t *value);
static ngx_int_t ngx_libc_cdecl ngx_http_sluice_cmp_limits(const void *one,
    const void *two);


char *
ngx_http_sluice_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sluice_loc_conf_t  *slcf = conf;

    char                         *rv;
    ngx_str_t                    *value, name;
    ngx_int_t                     delay;
    ngx_uint_t                    i;
    ngx_array_t                 **known;
    ngx_http_sluice_limit_t      *limit, *limits;
    ngx_http_sluice_main_conf_t  *smcf;

    value = cf->args->elts;

    if (slcf->limits == NGX_CONF_UNSET_PTR) {
        slcf->limits = NULL;

    } else if (slcf->limits == NULL) {
        return "is switched off by \"sluice off\" on this level";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" after \"off\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        return slcf->limits ? "has zones on this level already" : NGX_CONF_OK;
    }

    if (slcf->limits == NULL) {
        slcf->limits = ngx_array_create(cf->pool, 1,
                                        sizeof(ngx_http_sluice_limit_t));
        if (slcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }

        smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sluice_module);

        known = ngx_array_push(&smcf->limits);
        if (known == NULL) {
            return NGX_CONF_ERROR;
        }

        *known = slcf->limits;
    }

    limit = ngx_array_push(slcf->limits);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(limit, sizeof(ngx_http_sluice_limit_t));
    limit->file = cf->conf_file->file.name;
    limit->line = cf->conf_file->line;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {

            if (limit->shm_zone) {
                return ngx_http_sluice_repeated(cf, &value[i]);
            }

            name.len = value[i].len - 5;
            name.data = value[i].data + 5;

            limit->shm_zone = ngx_shared_memory_add(cf, &name, 0,
                                                    &ngx_http_sluice_module);
            if (limit->shm_zone == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "cost=", 5) == 0) {

            if (limit->cost) {
                return ngx_http_sluice_repeated(cf, &value[i]);
            }

            rv = ngx_http_sluice_cost(cf, limit, &value[i]);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "delay=", 6) == 0) {

            if (limit->delay) {
                return ngx_http_sluice_repeated(cf, &value[i]);
            }

            delay = ngx_atoi(value[i].data + 6, value[i].len - 6);
            if (delay <= 0 || delay >= (ngx_int_t) NGX_MAX_UINT32_VALUE) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid delay value \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            limit->delay = delay;
            continue;
        }

        if (ngx_strcmp(value[i].data, "nodelay") == 0) {

            if (limit->delay) {
                return ngx_http_sluice_repeated(cf, &value[i]);
            }

            limit->delay = NGX_MAX_UINT32_VALUE;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"; it is one of zone=NAME, "
                           "cost=NUMBER, delay=NUMBER, nodelay; rate and "
                           "burst are in the policy of the zone", &value[i]);
        return NGX_CONF_ERROR;
    }

    if (limit->shm_zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone\" parameter",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    limits = slcf->limits->elts;

    for (i = 0; i < slcf->limits->nelts - 1; i++) {
        if (limits[i].shm_zone == limit->shm_zone) {
            return "is duplicate";
        }
    }

    /* zones are charged in one order wherever they are */

    ngx_sort(limits, slcf->limits->nelts, sizeof(ngx_http_sluice_limit_t),
             ngx_http_sluice_cmp_limits);

    return NGX_CONF_OK;
}


static ngx_int_t ngx_libc_cdecl
ngx_http_sluice_cmp_limits(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = &((const ngx_http_sluice_limit_t *) one)->shm_zone->shm.name;
    b = &((const ngx_http_sluice_limit_t *) two)->shm_zone->shm.name;

    return ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


static char *
ngx_http_sluice_cost(ngx_conf_t *cf, ngx_http_sluice_limit_t *limit,
    ngx_str_t *value)
{
    ngx_str_t                          s;
    ngx_http_compile_complex_value_t   ccv;

    s.len = value->len - 5;
    s.data = value->data + 5;

    limit->cost = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (limit->cost == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &s;
    ccv.complex_value = limit->cost;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (limit->cost->lengths == NULL
        && ngx_atoi(s.data, s.len) == NGX_ERROR)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid cost \"%V\"; it is a whole number or a "
                           "variable that has one", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* that each zone is declared somewhere, which may be after its use */

ngx_int_t
ngx_http_sluice_check_limits(ngx_conf_t *cf)
{
    ngx_uint_t                     i, k;
    ngx_array_t                  **levels;
    ngx_http_sluice_limit_t       *limits;
    ngx_http_sluice_main_conf_t   *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sluice_module);
    levels = smcf->limits.elts;

    for (i = 0; i < smcf->limits.nelts; i++) {
        limits = levels[i]->elts;

        for (k = 0; k < levels[i]->nelts; k++) {
            limits[k].zone = limits[k].shm_zone->data;

            if (limits[k].zone == NULL) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "zone \"%V\" is not declared by any "
                              "\"sluice_zone\" in %V:%ui",
                              &limits[k].shm_zone->shm.name, &limits[k].file,
                              limits[k].line);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}
