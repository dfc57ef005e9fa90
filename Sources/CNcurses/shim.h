#ifndef IMMUDB_NCURSES_SHIM_H
#define IMMUDB_NCURSES_SHIM_H

// Text of several bytes a character.
#define NCURSES_WIDECHAR 1

#include <curses.h>
#include <stdio.h>
#include <term.h>
#include <unistd.h>

// Swift sees neither the macros of curses, nor its variables as more than pointers. What is here is all that
// TerminalScreen calls.

enum screen_start {
    screen_started = 0,
    // TERM is not set, or names no terminal that the database of terminals has.
    screen_unknown_terminal = 1,
    // The database of terminals is not there.
    screen_no_database = 2,
    // The terminal cannot place a cursor or clear itself.
    screen_simple_terminal = 3,
    screen_failed = 4,
};

static inline int screen_has(const char *name) {
    const char *value = tigetstr((char *)name);
    return value != NULL && value != (const char *)-1;
}

// Whether the terminal that TERM names can show a screen: looks only, and changes nothing.
static inline enum screen_start screen_look(void) {
    int error = 0;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return error < 0 ? screen_no_database : screen_unknown_terminal;
    enum screen_start found =
        screen_has("cup") && screen_has("clear") ? screen_started : screen_simple_terminal;
    del_curterm(cur_term);
    return found;
}

// Takes the terminal. Returns NULL if it cannot; unlike initscr, it never ends the process.
static inline SCREEN *screen_take(void) {
    // Its size is set by screen_resize: curses would take any that the terminal tells, and memory for it.
    use_env(FALSE);
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) return NULL;
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    leaveok(stdscr, TRUE);
    return screen;
}

// Makes pairs 1 to 7 the terminal's colours of those numbers on its own background. False without colours.
static inline int screen_start_colors(void) {
    if (!has_colors() || start_color() == ERR || COLORS < 8) return 0;
    short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    for (short color = 1; color < 8; color++) init_pair(color, color, background);
    return 1;
}

enum screen_attribute { screen_bold = 1, screen_dim = 2, screen_reverse = 4 };

static inline void screen_set_style(int pair, int attributes) {
    attr_t style = A_NORMAL;
    if (attributes & screen_bold) style |= A_BOLD;
    if (attributes & screen_dim) style |= A_DIM;
    if (attributes & screen_reverse) style |= A_REVERSE;
    attr_set(style, (short)pair, NULL);
}

static inline void screen_erase(void) { erase(); }

static inline void screen_put(int row, int column, const char *text) { mvaddstr(row, column, text); }

static inline void screen_draw(void) {
    wnoutrefresh(stdscr);
    doupdate();
}

// The next drawing sends every cell, whatever curses believes to be there.
static inline void screen_forget(void) { clearok(curscr, TRUE); }

static inline void screen_resize(int height, int width) { resizeterm(height, width); }

// Gives the terminal back as it was; screen_resume takes it again.
static inline void screen_leave(void) { endwin(); }

static inline void screen_resume(void) {
    reset_prog_mode();
    clearok(curscr, TRUE);
    wrefresh(curscr);
    curs_set(0);
}

static inline void screen_free(SCREEN *screen) { delscreen(screen); }

#endif
