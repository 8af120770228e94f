/* event_id: Last-Event-ID, which a client gives back as it had it, or not.
 * What is taken for one is written by us as it is read, and nothing else is. */
#include <stdint.h>
#include <stdlib.h>

#include "mcp/call_state.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size}, id;
    uint32_t stream = 0, sequence = 0, again = 0, next = 0;
    char bytes[32];
    if (!mcp_event_id_read(text, &stream, &sequence)) {
        NEED(stream == 0 && sequence == 0);
        return 0;
    }
    NEED(stream > 0);
    id = mcp_session_id_of(stream, sequence, bytes);
    NEED(id.n && id.n <= text.n);
    NEED(mcp_event_id_read(id, &again, &next));
    NEED(again == stream && next == sequence);
    return 0;
}
