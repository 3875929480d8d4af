
/*
 * Looking for header fields by their name, in what has come or what goes out.
 */


#include "ngx_http_sluice.h"


void
ngx_http_sluice_find_headers(ngx_http_sluice_search_t *search,
    ngx_list_t *headers, const char *name, size_t len)
{
    search->part = &headers->part;
    search->i = 0;
    search->name = (u_char *) name;
    search->len = len;
}


/* NULL: there are no more; fields that were taken out are none */

ngx_table_elt_t *
ngx_http_sluice_next_header(ngx_http_sluice_search_t *search)
{
    ngx_table_elt_t  *header;

    for ( ;; ) {

        while (search->i >= search->part->nelts) {
            if (search->part->next == NULL) {
                return NULL;
            }

            search->part = search->part->next;
            search->i = 0;
        }

        header = search->part->elts;
        header += search->i++;

        if (header->hash != 0
            && header->key.len == search->len
            && ngx_strncasecmp(header->key.data, search->name, search->len)
               == 0)
        {
            return header;
        }
    }
}
