/* Prints sizes and offsets, which the tests compare with those of their own structs in Rust. */
#include <itnio.h>

#include <stddef.h>
#include <stdio.h>

#define FIELD(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))

int main(void)
{
    printf("itnio_config %zu\n", sizeof(itnio_config));
    FIELD(itnio_config, api_key);
    FIELD(itnio_config, api_secret);
    FIELD(itnio_config, base_url);
    FIELD(itnio_config, ca_file);
    FIELD(itnio_config, proxy);
    FIELD(itnio_config, connect_timeout_ms);
    FIELD(itnio_config, timeout_ms);
    printf("itnio_sip_request %zu\n", sizeof(itnio_sip_request));
    FIELD(itnio_sip_request, callee);
    FIELD(itnio_sip_request, display_num);
    FIELD(itnio_sip_request, account);
    FIELD(itnio_sip_request, app_id);
    FIELD(itnio_sip_request, called_info);
    printf("itnio_result %zu\n", sizeof(itnio_result));
    return 0;
}
