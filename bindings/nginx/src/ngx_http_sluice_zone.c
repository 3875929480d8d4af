
/*
 * The life of a zone.
 *
 * nginx's shared memory begins with a slab pool, which stays as nginx made it:
 * the master looks into it whenever a worker dies.  One allocation of it is
 * the memory of sluicegate's zone.
 *
 * When nginx reads its configuration anew, "init" attaches to what is there
 * and changes nothing: the configuration may yet be refused.  When it is in
 * force, "init module" sets the zones' policies, for the workers of the
 * configuration before too.
 */


#include "ngx_http_sluice.h"


ngx_int_t
ngx_http_sluice_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    char                     text[SLUICE_ERROR_TEXT_MAX];
    size_t                   len;
    ngx_slab_pool_t         *shpool;
    ngx_http_sluice_zone_t  *zone;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists) {

        shpool->data = ngx_slab_alloc(shpool, zone->size);
        if (shpool->data == NULL) {
            return NGX_ERROR;
        }

#if (NGX_DEBUG_MALLOC || NGX_HAVE_DEBUG_MALLOC)
        /* the pool may have filled its memory with junk */
        ngx_memzero(shpool->data, zone->size);
#endif

        len = sizeof(" in sluice_zone \"\"") + shm_zone->shm.name.len;

        shpool->log_ctx = ngx_slab_alloc(shpool, len);
        if (shpool->log_ctx == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(shpool->log_ctx, " in sluice_zone \"%V\"%Z",
                    &shm_zone->shm.name);
    }

    if (sluice_zone_attach(shpool->data, zone->size,
                           (char *) zone->policy.data, &zone->options,
                           &zone->zone)
        != SLUICE_OK)
    {
        sluice_last_error(text, sizeof(text));
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "sluice_zone \"%V\": %s", &zone->name, text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_sluice_free_zone(void *data)
{
    ngx_http_sluice_zone_t  *zone = data;

    sluice_zone_free(zone->zone);
    sluice_quota_free(zone->quota);
}


/* the configuration is in force */

ngx_int_t
ngx_http_sluice_init_zones(ngx_cycle_t *cycle)
{
    char                     text[SLUICE_ERROR_TEXT_MAX];
    ngx_uint_t               i;
    ngx_list_part_t         *part;
    ngx_shm_zone_t          *shm_zone;
    ngx_http_sluice_zone_t  *zone;

    part = &cycle->shared_memory.part;
    shm_zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            shm_zone = part->elts;
            i = 0;
        }

        if (shm_zone[i].tag != &ngx_http_sluice_module) {
            continue;
        }

        zone = shm_zone[i].data;

        if (sluice_zone_replace(zone->zone, (char *) zone->policy.data)
            != SLUICE_OK)
        {
            /* too late to refuse: the policy before remains in force */

            sluice_last_error(text, sizeof(text));
            ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                          "sluice_zone \"%V\" keeps its policy: %s",
                          &zone->name, text);
        }
    }

    return NGX_OK;
}
