#ifndef KINBRIDGE_PORT_H
#define KINBRIDGE_PORT_H

#include "core.h"

socklen_t write_address(const struct address *, struct sockaddr_storage *);
struct claim **find_claim(struct core *, int socket, const struct address *); /* the place where it is or would be */

#endif
