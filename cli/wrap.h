/* Wraps text for a terminal of 80 columns, for the command and for the demo in bindings/c. */
#ifndef WRAP_H
#define WRAP_H

#include <stdio.h>
#include <string.h>

/* Returns how many columns the first bytes of a text take: the bytes of UTF-8 that begin a character. */
static inline size_t columns(const char *text, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* Prints a text. The first line begins in column `indent`, where the cursor is, and so does every further line. */
static inline void print_wrapped(const char *text, size_t indent) {
    for (size_t column = indent; *text != '\0';) {
        size_t length = strcspn(text, " "), width = columns(text, length);
        if (column > indent && column + 1 + width > 79) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += width;
        text += length + strspn(text + length, " ");
    }
    putchar('\n');
}

#endif
