/* everything: what the two halves of everything_server share. */
#ifndef EXAMPLES_EVERYTHING_H
#define EXAMPLES_EVERYTHING_H

#include <phasegate-mcp.h>

extern const struct mcp_tool *const everything_tools[];

/* A picture of one pixel. */
struct mcp_content everything_picture(void);
/* A resource, whole. */
struct mcp_content everything_embedded(const char *uri, const char *type,
                                       const char *text);
/* A text of an answer's content. */
struct mcp_text everything_text(const struct mcp_json *answer, const char *field);

#endif
