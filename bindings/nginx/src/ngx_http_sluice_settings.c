
/*
 * The directive "sluice_headers", and how answers look in a location.
 */


#include "ngx_http_sluice.h"


static sluice_http_settings *ngx_http_sluice_new_settings(ngx_uint_t families,
    ngx_uint_t status);
static void ngx_http_sluice_free_settings(void *data);


static ngx_conf_enum_t  ngx_http_sluice_families[] = {
    { ngx_string("off"), SLUICE_FAMILY_NONE },
    { ngx_string("x-ratelimit"), SLUICE_FAMILY_X_RATELIMIT },
    { ngx_string("ietf"), SLUICE_FAMILY_IETF },
    { ngx_string("draft-06"), SLUICE_FAMILY_DRAFT_06 },
    { ngx_string("draft-07"), SLUICE_FAMILY_DRAFT_07 },
    { ngx_null_string, 0 }
};


char *
ngx_http_sluice_headers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sluice_loc_conf_t  *slcf = conf;

    ngx_str_t             *value;
    ngx_uint_t             i, k;
    sluice_http_settings  *settings;

    if (slcf->families != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    slcf->families = 0;
    slcf->denials_only = 0;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "denials") == 0) {

            if (slcf->denials_only) {
                return ngx_http_sluice_repeated(cf, &value[i]);
            }

            slcf->denials_only = 1;
            continue;
        }

        for (k = 0; ngx_http_sluice_families[k].name.len; k++) {
            if (ngx_strcmp(value[i].data,
                           ngx_http_sluice_families[k].name.data)
                == 0)
            {
                break;
            }
        }

        if (ngx_http_sluice_families[k].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"; it is some of "
                               "x-ratelimit, ietf, draft-06, draft-07 and "
                               "denials, or off", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (slcf->families & ngx_http_sluice_families[k].value) {
            return ngx_http_sluice_repeated(cf, &value[i]);
        }

        slcf->families |= ngx_http_sluice_families[k].value;
    }

    if (slcf->families == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must name a family beside \"denials\", "
                           "such as x-ratelimit", &cmd->name);
        return NGX_CONF_ERROR;
    }

    if ((slcf->families & SLUICE_FAMILY_NONE)
        && (slcf->families != SLUICE_FAMILY_NONE || slcf->denials_only))
    {
        return "has \"off\" beside others";
    }

    /* whether they go together */

    settings = ngx_http_sluice_new_settings(slcf->families,
                                            NGX_HTTP_TOO_MANY_REQUESTS);
    if (settings == NULL) {
        return ngx_http_sluice_core_error(cf);
    }

    sluice_http_settings_free(settings);

    /* where there is nothing to tell of what passes, none of it is asked */

    if (slcf->families == SLUICE_FAMILY_NONE) {
        slcf->denials_only = 1;
    }

    return NGX_CONF_OK;
}


static sluice_http_settings *
ngx_http_sluice_new_settings(ngx_uint_t families, ngx_uint_t status)
{
    sluice_http_options    options = SLUICE_HTTP_OPTIONS_INIT;
    sluice_http_settings  *settings;

    options.families = (uint32_t) families;
    options.status = (uint32_t) status;

    if (sluice_http_settings_new(&options, &settings) != SLUICE_OK) {
        return NULL;
    }

    return settings;
}


/* locations that look alike have the same settings */

char *
ngx_http_sluice_make_settings(ngx_conf_t *cf, ngx_http_sluice_loc_conf_t *prev,
    ngx_http_sluice_loc_conf_t *conf)
{
    ngx_pool_cleanup_t  *cln;

    if (conf->limits == NULL) {
        return NGX_CONF_OK;
    }

    if (prev->settings
        && prev->families == conf->families
        && prev->status_code == conf->status_code)
    {
        conf->settings = prev->settings;
        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->settings = ngx_http_sluice_new_settings(conf->families,
                                                  conf->status_code);
    if (conf->settings == NULL) {
        return ngx_http_sluice_core_error(cf);
    }

    cln->handler = ngx_http_sluice_free_settings;
    cln->data = conf->settings;

    return NGX_CONF_OK;
}


static void
ngx_http_sluice_free_settings(void *data)
{
    sluice_http_settings_free(data);
}
