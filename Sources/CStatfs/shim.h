// Functions of Linux that Swift's own module of glibc does not export.
#if defined(__linux__)
#include <sys/vfs.h>
#endif
