/* Python.h of Python 3.7 and 3.8 includes crypt.h, which zig's glibc does not have. */
#ifndef AIRPACK_CRYPT_H
#define AIRPACK_CRYPT_H
#ifdef __cplusplus
extern "C" {
#endif
char *crypt(const char *key, const char *salt);
#ifdef __cplusplus
}
#endif
#endif
