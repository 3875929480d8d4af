
/*
 * The directive "sluice_zone".
 */


#include "ngx_http_sluice.h"


#define NGX_HTTP_SLUICE_ON_FULL_UNSET  NGX_MAX_UINT32_VALUE


static char *ngx_http_sluice_zone_on_full(ngx_conf_t *cf,
    ngx_http_sluice_zone_t *zone, ngx_str_t *value);
static ngx_int_t ngx_http_sluice_zone_variable(ngx_conf_t *cf,
    ngx_str_t *value);
static char *ngx_http_sluice_zone_size(ngx_conf_t *cf,
    ngx_http_sluice_zone_t *zone, ngx_str_t *value, size_t *size);
static char *ngx_http_sluice_zone_policy(ngx_conf_t *cf,
    ngx_http_sluice_zone_t *zone, ngx_uint_t *i);
static char *ngx_http_sluice_zone_quota(ngx_conf_t *cf,
    ngx_http_sluice_zone_t *zone);
static ngx_int_t ngx_http_sluice_unquote(ngx_conf_t *cf, ngx_uint_t *i,
    size_t skip, ngx_str_t *text);
static size_t ngx_http_sluice_shm_size(size_t size);


static ngx_conf_enum_t  ngx_http_sluice_on_full[] = {
    { ngx_string("on_full=evict"), SLUICE_ON_FULL_EVICT },
    { ngx_string("on_full=deny"), SLUICE_ON_FULL_DENY },
    { ngx_string("on_full=allow"), SLUICE_ON_FULL_ALLOW },
    { ngx_null_string, 0 }
};


char *
ngx_http_sluice_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                              *rv;
    size_t                             size;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_shm_zone_t                    *shm_zone;
    ngx_pool_cleanup_t                *cln;
    ngx_http_sluice_zone_t            *zone;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_sluice_zone_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    zone = cln->data;
    ngx_memzero(zone, sizeof(ngx_http_sluice_zone_t));
    cln->handler = ngx_http_sluice_free_zone;

    zone->options = (sluice_options) SLUICE_OPTIONS_INIT;
    zone->options.clock = SLUICE_CLOCK_BY_POLICY;
    zone->options.on_full = NGX_HTTP_SLUICE_ON_FULL_UNSET;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an empty key, by which nobody would "
                           "be limited", &cmd->name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &zone->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    zone->variable = ngx_http_sluice_zone_variable(cf, &value[1]);

    size = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {
            rv = ngx_http_sluice_zone_size(cf, zone, &value[i], &size);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "policy=", 7) == 0) {
            rv = ngx_http_sluice_zone_policy(cf, zone, &i);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            continue;
        }

        rv = ngx_http_sluice_zone_on_full(cf, zone, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (zone->options.on_full == NGX_HTTP_SLUICE_ON_FULL_UNSET) {
        zone->options.on_full = SLUICE_ON_FULL_EVICT;
    }

    if (zone->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone\" parameter, "
                           "such as zone=api:10m", &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (zone->policy.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"policy\" parameter, such as "
                           "policy=\"token-bucket 100/s burst=200\"",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sluice_zone_quota(cf, zone) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    shm_zone = ngx_shared_memory_add(cf, &zone->name, size,
                                     &ngx_http_sluice_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->data) {
        zone = shm_zone->data;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V \"%V\" is already bound to key \"%V\"",
                           &cmd->name, &zone->name, &zone->key.value);
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_http_sluice_init_zone;
    shm_zone->data = zone;

    return NGX_CONF_OK;
}


static char *
ngx_http_sluice_zone_on_full(ngx_conf_t *cf, ngx_http_sluice_zone_t *zone,
    ngx_str_t *value)
{
    ngx_conf_enum_t  *e;

    for (e = ngx_http_sluice_on_full; e->name.len; e++) {

        if (ngx_strcmp(value->data, e->name.data) != 0) {
            continue;
        }

        if (zone->options.on_full != NGX_HTTP_SLUICE_ON_FULL_UNSET) {
            return ngx_http_sluice_repeated(cf, value);
        }

        zone->options.on_full = e->value;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"; it is one of "
                       "zone=NAME:SIZE, policy=\"POLICY\", "
                       "on_full=evict|deny|allow", value);
    return NGX_CONF_ERROR;
}


/* the index of the variable that "$name" or "${name}" is */

static ngx_int_t
ngx_http_sluice_zone_variable(ngx_conf_t *cf, ngx_str_t *value)
{
    u_char      c;
    size_t      i;
    ngx_str_t   name;

    if (value->len < 2 || value->data[0] != '$') {
        return NGX_ERROR;
    }

    name.data = value->data + 1;
    name.len = value->len - 1;

    if (name.len > 2 && name.data[0] == '{'
        && name.data[name.len - 1] == '}')
    {
        name.data++;
        name.len -= 2;
    }

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_'))
        {
            return NGX_ERROR;
        }
    }

    /* "$1" is what a regular expression has captured */

    if (name.data[0] >= '1' && name.data[0] <= '9') {
        return NGX_ERROR;
    }

    return ngx_http_get_variable_index(cf, &name);
}


static char *
ngx_http_sluice_zone_size(ngx_conf_t *cf, ngx_http_sluice_zone_t *zone,
    ngx_str_t *value, size_t *size)
{
    off_t       bytes;
    u_char     *p, *last;
    size_t      least;
    ngx_str_t   s;

    if (zone->name.len) {
        return ngx_http_sluice_repeated(cf, value);
    }

    last = value->data + value->len;
    zone->name.data = value->data + 5;

    p = ngx_strlchr(zone->name.data, last, ':');

    if (p == NULL || p == zone->name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\"; it is zone=NAME:SIZE, "
                           "such as zone=api:10m", value);
        return NGX_CONF_ERROR;
    }

    zone->name.len = p - zone->name.data;

    s.data = p + 1;
    s.len = last - s.data;

    bytes = ngx_parse_offset(&s);

    if (bytes == (off_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    zone->max_keys = sluice_region_keys((size_t) bytes);

    if (zone->max_keys == 0) {
        least = sluice_region_size("token-bucket 1/s", 1);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small; "
                           "the smallest size is %uzk, for %uL keys", value,
                           (least + 1023) / 1024,
                           sluice_region_keys((least + 1023) / 1024 * 1024));
        return NGX_CONF_ERROR;
    }

    zone->size = sluice_zone_size(zone->max_keys);

    if (zone->size == 0 || zone->size > (size_t) NGX_MAX_SIZE_T_VALUE / 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too large", value);
        return NGX_CONF_ERROR;
    }

    *size = ngx_http_sluice_shm_size(zone->size);

    return NGX_CONF_OK;
}


static char *
ngx_http_sluice_zone_policy(ngx_conf_t *cf, ngx_http_sluice_zone_t *zone,
    ngx_uint_t *i)
{
    ngx_int_t   rc;
    ngx_str_t  *value;

    if (zone->policy.len) {
        value = cf->args->elts;
        return ngx_http_sluice_repeated(cf, &value[*i]);
    }

    rc = ngx_http_sluice_unquote(cf, i, sizeof("policy=") - 1, &zone->policy);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no closing quote after \"policy=%V\"",
                           &zone->policy);
        return NGX_CONF_ERROR;
    }

    if (sluice_region_size((char *) zone->policy.data, 1) == 0) {
        return ngx_http_sluice_core_error(cf);
    }

    return NGX_CONF_OK;
}


/* clients are told of the zone by its name */

static char *
ngx_http_sluice_zone_quota(ngx_conf_t *cf, ngx_http_sluice_zone_t *zone)
{
    char    text[SLUICE_ERROR_TEXT_MAX];
    u_char  *name;

    name = ngx_pnalloc(cf->pool, zone->name.len + 1);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(name, zone->name.data, zone->name.len);
    name[zone->name.len] = '\0';

    if (sluice_quota_new((char *) name, (char *) zone->policy.data,
                         &zone->quota)
        != SLUICE_OK)
    {
        sluice_last_error(text, sizeof(text));
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone name \"%V\": %s",
                           &zone->name, text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * nginx takes quotes around a whole argument only.  In policy="a b c" they are
 * part of the arguments, of which there are three, and which are put together
 * here.
 */

static ngx_int_t
ngx_http_sluice_unquote(ngx_conf_t *cf, ngx_uint_t *i, size_t skip,
    ngx_str_t *text)
{
    u_char      quote, *p;
    size_t      len;
    ngx_str_t  *value;
    ngx_uint_t  k, last;

    value = cf->args->elts;

    text->data = value[*i].data + skip;
    text->len = value[*i].len - skip;

    quote = text->data[0];

    if (quote != '"' && quote != '\'') {
        /* arguments end with a NUL */
        return NGX_OK;
    }

    len = 0;

    for (last = *i; last < cf->args->nelts; last++) {
        len += value[last].len + 1;

        if (value[last].len
            && value[last].data[value[last].len - 1] == quote
            && (last > *i || text->len > 1))
        {
            break;
        }
    }

    if (last == cf->args->nelts) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (k = *i; k <= last; k++) {
        p = ngx_cpymem(p, value[k].data, value[k].len);
        *p++ = ' ';
    }

    /* without what is skipped, both quotes and the last blank */

    text->data += skip + 1;
    text->len = p - text->data - 2;
    text->data[text->len] = '\0';

    *i = last;

    return NGX_OK;
}


/* how much shared memory has room for one allocation of "size" bytes */

static size_t
ngx_http_sluice_shm_size(size_t size)
{
    size_t  pages, before;

    /* of the zone; of the text for the log; and one to align */

    pages = (size + ngx_pagesize - 1) / ngx_pagesize + 2;

    before = sizeof(ngx_slab_pool_t)
             + ngx_pagesize_shift
               * (sizeof(ngx_slab_page_t) + sizeof(ngx_slab_stat_t))
             + pages * sizeof(ngx_slab_page_t);

    return ngx_align(before, ngx_pagesize) + pages * ngx_pagesize;
}
