/* A device on mbedTLS, the TLS of most small boards: shakes hands, sends what comes on standard input, and prints
 * what comes back first.
 *
 * mbedtls_device PORT SNI ANCHOR CERTIFICATE KEY [CLOCK [FRAGMENT]]
 * CLOCK: the board's time, in seconds since 1970; empty: the machine's.
 * FRAGMENT: the code of the largest record that it asks for (RFC 6066): 1 to 4 for 512 to 4096 bytes.
 *
 * Ends with 0 when something came back, with 1 when the connection ended before, with 2 when it cannot begin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

static time_t board_time = -1;

/* mbedTLS asks the C library, which asks the machine; a board asks its own clock. */
time_t time(time_t *where)
{
    struct timespec now = {board_time, 0};
    if (board_time < 0)
        clock_gettime(CLOCK_REALTIME, &now);
    if (where != NULL)
        *where = now.tv_sec;
    return now.tv_sec;
}

static int failed(const char *step, int code)
{
    char text[200];
    mbedtls_strerror(code, text, sizeof text);
    fprintf(stderr, "%s: -0x%04x %s\n", step, (unsigned) -code, text);
    return 1;
}

int main(int count, char **given)
{
    mbedtls_net_context net;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context tls;
    mbedtls_x509_crt anchor, own;
    mbedtls_pk_context key;
    unsigned char packet[1024], answer[1024];
    size_t length;
    int code;

    if (count < 6)
        return 2;
    if (count > 6 && given[6][0] != '\0')
        board_time = (time_t) strtoll(given[6], NULL, 10);
    mbedtls_net_init(&net);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&tls);
    mbedtls_x509_crt_init(&anchor);
    mbedtls_x509_crt_init(&own);
    mbedtls_pk_init(&key);
    length = fread(packet, 1, sizeof packet, stdin);

    if (mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) != 0 ||
        mbedtls_x509_crt_parse_file(&anchor, given[3]) != 0 || mbedtls_x509_crt_parse_file(&own, given[4]) != 0 ||
#if MBEDTLS_VERSION_MAJOR < 3
        mbedtls_pk_parse_keyfile(&key, given[5], NULL) != 0 ||
#else
        mbedtls_pk_parse_keyfile(&key, given[5], NULL, mbedtls_ctr_drbg_random, &random) != 0 ||
#endif
        mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return 2;
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    mbedtls_ssl_conf_ca_chain(&config, &anchor, NULL);
    if (mbedtls_ssl_conf_own_cert(&config, &own, &key) != 0 ||
        (count > 7 && mbedtls_ssl_conf_max_frag_len(&config, (unsigned char) atoi(given[7])) != 0) ||
        mbedtls_ssl_setup(&tls, &config) != 0 || mbedtls_ssl_set_hostname(&tls, given[2]) != 0)
        return 2;
    if ((code = mbedtls_net_connect(&net, "127.0.0.1", given[1], MBEDTLS_NET_PROTO_TCP)) != 0)
        return failed("connect", code);
    mbedtls_ssl_set_bio(&tls, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    if ((code = mbedtls_ssl_handshake(&tls)) != 0)
        return failed("handshake", code);
    if ((code = mbedtls_ssl_write(&tls, packet, length)) < 0)
        return failed("write", code);
    if ((code = mbedtls_ssl_read(&tls, answer, sizeof answer)) <= 0)
        return failed("read", code);
    for (int place = 0; place < code; place++)
        printf("%02x", answer[place]);
    return 0;
}
