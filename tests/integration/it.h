/* cmocka in the order in which it wants its headers, and the rig. */
#ifndef CO_IT_H
#define CO_IT_H

#include "rig.h"
#include "tk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
