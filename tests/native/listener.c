// A server as small as they come: listens on PORT, says so with its lease and pid, and ends when somebody connects.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    const char *port = getenv("PORT"), *lease = getenv("PORTUS_LEASE");
    if (!port || !lease) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 8)) {
        perror("listener");
        return 1;
    }
    printf("%s %s %d\n", port, lease, (int)getpid());
    fflush(stdout);
    return accept(server, NULL, NULL) < 0;
}
