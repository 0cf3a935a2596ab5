/* FMI 3.0 Model Exchange around the functions of model.c; self-contained but for the C library.
 *
 * References: Functional Mock-up Interface 3.0.2 (Modelica Association), sections 2.2 and 3.
 * Value references: 0 time, 1.. states, then their derivatives, inputs, parameters, outputs,
 * event indicators.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

#if defined _WIN32
#define FMI3_Export __declspec(dllexport)
#else
#define FMI3_Export __attribute__((visibility("default")))
#endif

typedef enum { OK, Warning, Discard, Error, Fatal } Status;
typedef uint32_t Ref;
typedef void (*Log)(void *environment, Status status, const char *category, const char *message);

typedef struct {
    double time, x[N_X + 1], dx[N_X + 1], z[N_Z + 1], u[N_U + 1], p[N_P + 1], y[N_Y + 1];
    double indicators[N_I + 1], largest[N_I + 1];
    bool is_fresh, is_initialising;
} Values;

typedef struct {
    Values v;
    Log log;
    void *environment;
    const double **arg;
    double **res, *w;
    casadi_int *iw;
} Unit;

static Status fail(Unit *unit, const char *message) {
    if (unit->log) unit->log(unit->environment, Error, "logStatusError", message);
    return Error;
}

static void start(Unit *unit) {
    memset(&unit->v, 0, sizeof unit->v);
    memcpy(unit->v.x, START_X, sizeof START_X);
    memcpy(unit->v.z, START_Z, sizeof START_Z);
    memcpy(unit->v.u, START_U, sizeof START_U);
    memcpy(unit->v.p, START_P, sizeof START_P);
    unit->v.is_initialising = true;
}

/* Algebraic variables begin where they were last found: the nearest root is the physical one. */
static Status evaluate(Unit *unit) {
    Values *v = &unit->v;
    if (v->is_fresh) return OK;
    const double *in[6] = {&v->time, v->x, v->z, v->u, v->p, NULL};
    double *out[5] = {v->dx, v->z, v->y, v->indicators, NULL};
    memcpy(unit->arg, in, 5 * sizeof *in);
    memcpy(unit->res, out, 4 * sizeof *out);
    if (twin(unit->arg, unit->res, unit->iw, unit->w, 0))
        return fail(unit, "the algebraic equations have no solution here");
    for (int k = 0; k < N_I; k++) {
        const double size = v->indicators[k] < 0.0 ? -v->indicators[k] : v->indicators[k];
        if (size > v->largest[k]) v->largest[k] = size;
    }
    v->is_fresh = true;
    return OK;
}

static double *place(Unit *unit, Ref ref) {
    Values *v = &unit->v;
    if (ref == 0) return &v->time;
    ref -= 1;
    if (ref < N_X) return v->x + ref;
    ref -= N_X;
    if (ref < N_X) return v->dx + ref;
    ref -= N_X;
    if (ref < N_U) return v->u + ref;
    ref -= N_U;
    if (ref < N_P) return v->p + ref;
    ref -= N_P;
    if (ref < N_Y) return v->y + ref;
    ref -= N_Y;
    return ref < N_I ? v->indicators + ref : NULL;
}

static bool is_settable(Ref ref) {
    return ref > 0 && (ref <= N_X || (ref > 2 * N_X && ref <= 2 * N_X + N_U + N_P));
}

FMI3_Export const char *fmi3GetVersion(void) { return "3.0"; }

FMI3_Export Status fmi3SetDebugLogging(void *i, bool on, size_t n, const char *const c[]) {
    (void)i; (void)on; (void)n; (void)c;
    return OK;
}

FMI3_Export void fmi3FreeInstance(void *instance) {
    Unit *unit = instance;
    if (!unit) return;
    free(unit->arg); free(unit->res); free(unit->iw); free(unit->w); free(unit);
}

FMI3_Export void *fmi3InstantiateModelExchange(const char *name, const char *token,
        const char *resources, bool visible, bool logging, void *environment, Log log) {
    (void)name; (void)resources; (void)visible; (void)logging;
    casadi_int n_arg, n_res, n_iw, n_w;
    Unit *unit = calloc(1, sizeof *unit);
    if (!unit) return NULL;
    unit->log = log;
    unit->environment = environment;
    if (!token || strcmp(token, TOKEN)) {
        fail(unit, "the instantiation token is that of another model");
        free(unit);
        return NULL;
    }
    twin_work(&n_arg, &n_res, &n_iw, &n_w);
    unit->arg = calloc((size_t)n_arg + 6, sizeof *unit->arg);
    unit->res = calloc((size_t)n_res + 6, sizeof *unit->res);
    unit->iw = calloc((size_t)n_iw + 1, sizeof *unit->iw);
    unit->w = calloc((size_t)n_w + 1, sizeof *unit->w);
    if (!unit->arg || !unit->res || !unit->iw || !unit->w) {
        fmi3FreeInstance(unit);
        return NULL;
    }
    start(unit);
    return unit;
}

FMI3_Export void *fmi3InstantiateCoSimulation(const char *a, const char *b, const char *c, bool d,
        bool e, bool f, bool g, const Ref h[], size_t i, void *environment, Log log, void *k) {
    (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; (void)g; (void)h; (void)i; (void)k;
    if (log) log(environment, Error, "logStatusError", "this unit is for model exchange only");
    return NULL;
}

FMI3_Export void *fmi3InstantiateScheduledExecution(const char *a, const char *b, const char *c,
        bool d, bool e, void *environment, Log log, void *f, void *g, void *h) {
    (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; (void)g; (void)h;
    if (log) log(environment, Error, "logStatusError", "this unit is for model exchange only");
    return NULL;
}

FMI3_Export Status fmi3EnterInitializationMode(void *instance, bool has_tolerance, double tolerance,
        double begin, bool has_stop, double stop) {
    Unit *unit = instance;
    (void)has_tolerance; (void)tolerance; (void)has_stop; (void)stop;
    unit->v.time = begin;
    unit->v.is_fresh = false;
    return OK;
}

FMI3_Export Status fmi3ExitInitializationMode(void *instance) {
    Unit *unit = instance;
    unit->v.is_initialising = false;
    return evaluate(unit);
}

FMI3_Export Status fmi3Reset(void *instance) { start(instance); return OK; }

#define NOTHING(name) FMI3_Export Status name(void *i) { (void)i; return OK; }
NOTHING(fmi3EnterEventMode)
NOTHING(fmi3Terminate)
NOTHING(fmi3EnterConfigurationMode)
NOTHING(fmi3ExitConfigurationMode)
NOTHING(fmi3EvaluateDiscreteStates)
NOTHING(fmi3EnterContinuousTimeMode)
NOTHING(fmi3EnterStepMode)

FMI3_Export Status fmi3GetFloat64(void *instance, const Ref refs[], size_t n, double values[],
        size_t n_values) {
    Unit *unit = instance;
    if (n != n_values) return fail(unit, "every variable is a scalar");
    if (evaluate(unit) != OK) return Error;
    for (size_t k = 0; k < n; k++) {
        const double *found = place(unit, refs[k]);
        if (!found) return fail(unit, "there is no such variable");
        values[k] = *found;
    }
    return OK;
}

FMI3_Export Status fmi3SetFloat64(void *instance, const Ref refs[], size_t n, const double values[],
        size_t n_values) {
    Unit *unit = instance;
    if (n != n_values) return fail(unit, "every variable is a scalar");
    for (size_t k = 0; k < n; k++) {
        if (!is_settable(refs[k])) return fail(unit, "only states, inputs and parameters are set");
        *place(unit, refs[k]) = values[k];
    }
    unit->v.is_fresh = false;
    return OK;
}

#define NONE_OF(name, type) \
    FMI3_Export Status fmi3Get##name(void *i, const Ref r[], size_t n, type v[], size_t m) { \
        (void)r; (void)v; (void)m; return n ? fail(i, "all variables are Float64") : OK; } \
    FMI3_Export Status fmi3Set##name(void *i, const Ref r[], size_t n, const type v[], size_t m) { \
        (void)r; (void)v; (void)m; return n ? fail(i, "all variables are Float64") : OK; }
NONE_OF(Float32, float)
NONE_OF(Int8, int8_t)
NONE_OF(UInt8, uint8_t)
NONE_OF(Int16, int16_t)
NONE_OF(UInt16, uint16_t)
NONE_OF(Int32, int32_t)
NONE_OF(UInt32, uint32_t)
NONE_OF(Int64, int64_t)
NONE_OF(UInt64, uint64_t)
NONE_OF(Boolean, bool)
typedef const char *Text;
NONE_OF(String, Text)

FMI3_Export Status fmi3GetBinary(void *i, const Ref r[], size_t n, size_t s[], const uint8_t *v[],
        size_t m) {
    (void)r; (void)s; (void)v; (void)m;
    return n ? fail(i, "all variables are Float64") : OK;
}
FMI3_Export Status fmi3SetBinary(void *i, const Ref r[], size_t n, const size_t s[],
        const uint8_t *const v[], size_t m) {
    (void)r; (void)s; (void)v; (void)m;
    return n ? fail(i, "all variables are Float64") : OK;
}

/* The caller pops its own arguments in C, so that one signature serves all of these. */
#define NO_CLOCK(name) \
    FMI3_Export Status name(void *i) { return fail(i, "there are no clocks"); }
NO_CLOCK(fmi3GetClock)
NO_CLOCK(fmi3SetClock)
NO_CLOCK(fmi3GetIntervalDecimal)
NO_CLOCK(fmi3GetIntervalFraction)
NO_CLOCK(fmi3GetShiftDecimal)
NO_CLOCK(fmi3GetShiftFraction)
NO_CLOCK(fmi3SetIntervalDecimal)
NO_CLOCK(fmi3SetIntervalFraction)
NO_CLOCK(fmi3SetShiftDecimal)
NO_CLOCK(fmi3SetShiftFraction)
NO_CLOCK(fmi3ActivateModelPartition)

FMI3_Export Status fmi3GetNumberOfVariableDependencies(void *i, Ref r, size_t *n) {
    (void)r; (void)n;
    return fail(i, "dependencies stand in modelDescription.xml");
}
FMI3_Export Status fmi3GetVariableDependencies(void *i, Ref r, size_t a[], Ref b[], size_t c[],
        int d[], size_t n) {
    (void)r; (void)a; (void)b; (void)c; (void)d; (void)n;
    return fail(i, "dependencies stand in modelDescription.xml");
}

FMI3_Export Status fmi3GetFMUState(void *instance, void **state) {
    Unit *unit = instance;
    if (!*state) *state = malloc(sizeof(Values));
    if (!*state) return fail(unit, "out of memory");
    memcpy(*state, &unit->v, sizeof(Values));
    return OK;
}
FMI3_Export Status fmi3SetFMUState(void *instance, void *state) {
    memcpy(&((Unit *)instance)->v, state, sizeof(Values));
    return OK;
}
FMI3_Export Status fmi3FreeFMUState(void *i, void **state) {
    (void)i;
    free(*state);
    *state = NULL;
    return OK;
}
FMI3_Export Status fmi3SerializedFMUStateSize(void *i, void *state, size_t *size) {
    (void)i; (void)state;
    *size = sizeof(Values);
    return OK;
}
FMI3_Export Status fmi3SerializeFMUState(void *i, void *state, uint8_t bytes[], size_t size) {
    if (size < sizeof(Values)) return fail(i, "too few bytes for a state");
    memcpy(bytes, state, sizeof(Values));
    return OK;
}
FMI3_Export Status fmi3DeserializeFMUState(void *i, const uint8_t bytes[], size_t size, void **state) {
    if (size < sizeof(Values)) return fail(i, "too few bytes for a state");
    if (!*state) *state = malloc(sizeof(Values));
    if (!*state) return fail(i, "out of memory");
    memcpy(*state, bytes, sizeof(Values));
    return OK;
}

FMI3_Export Status fmi3GetDirectionalDerivative(void *i, const Ref a[], size_t n, const Ref b[],
        size_t m, const double seed[], size_t k, double sensitivity[], size_t l) {
    (void)a; (void)n; (void)b; (void)m; (void)seed; (void)k; (void)sensitivity; (void)l;
    return fail(i, "directional derivatives are not provided");
}
FMI3_Export Status fmi3GetAdjointDerivative(void *i, const Ref a[], size_t n, const Ref b[],
        size_t m, const double seed[], size_t k, double sensitivity[], size_t l) {
    (void)a; (void)n; (void)b; (void)m; (void)seed; (void)k; (void)sensitivity; (void)l;
    return fail(i, "adjoint derivatives are not provided");
}
FMI3_Export Status fmi3GetOutputDerivatives(void *i, const Ref r[], size_t n, const int o[],
        double v[], size_t m) {
    (void)r; (void)n; (void)o; (void)v; (void)m;
    return fail(i, "this unit is for model exchange only");
}
FMI3_Export Status fmi3DoStep(void *i, double t, double h, bool a, bool *b, bool *c, bool *d,
        double *e) {
    (void)t; (void)h; (void)a; (void)b; (void)c; (void)d; (void)e;
    return fail(i, "this unit is for model exchange only");
}

FMI3_Export Status fmi3UpdateDiscreteStates(void *instance, bool *more, bool *ends, bool *nominals,
        bool *changed, bool *has_next, double *next) {
    Unit *unit = instance;
    *more = *nominals = *changed = *has_next = *ends = false;
    *next = 0.0;
    if (evaluate(unit) != OK) return Error;
    for (int k = 0; k < N_I; k++)
        /* A root finder stops on either side of the root, a rounding error away. */
        if (STOPS[k] && unit->v.indicators[k] > -1e-9 * unit->v.largest[k]) *ends = true;
    return OK;
}
FMI3_Export Status fmi3CompletedIntegratorStep(void *i, bool no_set, bool *event, bool *ends) {
    (void)i; (void)no_set;
    *event = *ends = false;
    return OK;
}
FMI3_Export Status fmi3SetTime(void *instance, double time) {
    Unit *unit = instance;
    unit->v.time = time;
    unit->v.is_fresh = false;
    return OK;
}
FMI3_Export Status fmi3SetContinuousStates(void *instance, const double x[], size_t n) {
    Unit *unit = instance;
    if (n != N_X) return fail(unit, "another number of states");
    memcpy(unit->v.x, x, n * sizeof *x);
    unit->v.is_fresh = false;
    return OK;
}
static Status give(Unit *unit, const double *from, size_t wanted, double to[], size_t n) {
    if (n != wanted) return fail(unit, "another number of values");
    if (evaluate(unit) != OK) return Error;
    if (n) memcpy(to, from, n * sizeof *to);
    return OK;
}
FMI3_Export Status fmi3GetContinuousStateDerivatives(void *i, double dx[], size_t n) {
    return give(i, ((Unit *)i)->v.dx, N_X, dx, n);
}
FMI3_Export Status fmi3GetContinuousStates(void *i, double x[], size_t n) {
    return give(i, ((Unit *)i)->v.x, N_X, x, n);
}
FMI3_Export Status fmi3GetNominalsOfContinuousStates(void *i, double x[], size_t n) {
    return give(i, NOMINAL_X, N_X, x, n);
}
FMI3_Export Status fmi3GetEventIndicators(void *i, double e[], size_t n) {
    return give(i, ((Unit *)i)->v.indicators, N_I, e, n);
}
FMI3_Export Status fmi3GetNumberOfEventIndicators(void *i, size_t *n) {
    (void)i;
    *n = N_I;
    return OK;
}
FMI3_Export Status fmi3GetNumberOfContinuousStates(void *i, size_t *n) {
    (void)i;
    *n = N_X;
    return OK;
}
