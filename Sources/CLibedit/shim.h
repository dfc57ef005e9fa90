#ifndef IMMUDB_LIBEDIT_SHIM_H
#define IMMUDB_LIBEDIT_SHIM_H

#include <stddef.h>
#include <stdio.h>
#include <wchar.h>

#include <histedit.h>

// Swift cannot call functions that take any number of arguments: el_set, el_get, history.

typedef char *(*editing_prompt)(EditLine *);
typedef unsigned char (*editing_key)(EditLine *, int);
typedef int (*editing_reader)(EditLine *, wchar_t *);

static inline void editing_set_owner(EditLine *editor, void *owner) {
    el_set(editor, EL_CLIENTDATA, owner);
}

static inline void *editing_owner(EditLine *editor) {
    void *owner = NULL;
    el_get(editor, EL_CLIENTDATA, &owner);
    return owner;
}

static inline void editing_set_prompt(EditLine *editor, editing_prompt prompt) {
    el_set(editor, EL_PROMPT, prompt);
}

// The keys of Emacs, and handlers that restore the terminal when a signal ends or stops the process.
static inline void editing_set_usual_keys(EditLine *editor) {
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_SIGNAL, 1);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(editor, EL_BIND, "\\e[H", "ed-move-to-beg", NULL);
    el_set(editor, EL_BIND, "\\e[F", "ed-move-to-end", NULL);
    el_set(editor, EL_BIND, "\\e[1~", "ed-move-to-beg", NULL);
    el_set(editor, EL_BIND, "\\e[4~", "ed-move-to-end", NULL);
    el_set(editor, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    el_set(editor, EL_BIND, "\\e[1;5C", "em-next-word", NULL);
    el_set(editor, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
}

static inline void editing_set_completion(EditLine *editor, editing_key key) {
    el_set(editor, EL_ADDFN, "complete-word", "complete the word before the cursor", key);
    el_set(editor, EL_BIND, "^I", "complete-word", NULL);
}

// Ctrl-C becomes a key like others while a line is edited; so do Ctrl-Z and Ctrl-\, which does nothing.
static inline void editing_set_interrupt(EditLine *editor, editing_key key) {
    el_set(editor, EL_SETTY, "-d", "-isig", NULL);
    el_set(editor, EL_ADDFN, "drop-line", "drop the line and begin another one", key);
    el_set(editor, EL_BIND, "^C", "drop-line", NULL);
}

static inline void editing_set_suspension(EditLine *editor, editing_key key) {
    el_set(editor, EL_ADDFN, "suspend", "stop the process", key);
    el_set(editor, EL_BIND, "^Z", "suspend", NULL);
}

// What a terminal sends before the text of a paste, and after it; see editing_set_pasting.
static inline void editing_set_paste(EditLine *editor, editing_key key) {
    el_set(editor, EL_ADDFN, "paste", "insert a pasted text as it is", key);
    el_set(editor, EL_BIND, "\e[200~", "paste", NULL);
}

// Gives the terminal the modes of editing, or takes them away.
static inline void editing_prepare_terminal(EditLine *editor, int is_editing) {
    el_set(editor, EL_PREP_TERM, is_editing);
}

// What characters are read by: 1 for a character, 0 for the end, -1 for an error.
static inline void editing_set_reader(EditLine *editor, editing_reader reader) {
    el_wset(editor, EL_GETCFN, reader);
}

static inline void editing_refresh(EditLine *editor) {
    el_set(editor, EL_REFRESH);
}

static inline void editing_set_history(EditLine *editor, History *lines, int max_line_count) {
    HistEvent event;
    history(lines, &event, H_SETSIZE, max_line_count);
    history(lines, &event, H_SETUNIQUE, 1);
    el_set(editor, EL_HIST, history, lines);
}

static inline void editing_remember(History *lines, const char *line) {
    HistEvent event;
    history(lines, &event, H_ENTER, line);
}

#endif
