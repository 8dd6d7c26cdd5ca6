/* A libnvidia-ml.so.1 whose GPUs live in a text file: the only part of the hardware monitor that tests pretend.
 *
 * The file is named by NVML_DOUBLE_STATE and read again on every call. A line is a key and a value:
 *
 *   count 2                        how many GPUs there are
 *   gpu0.temperature 61            a value of one GPU; gpu.temperature is every GPU's
 *   lost gpu1                      every call about this GPU answers GPU_IS_LOST
 *   unsupported nvmlDeviceGetX     this call answers NOT_SUPPORTED
 *   hang nvmlDeviceGetX            this call never returns
 *   fault nvmlX 9                  this call answers this NVML error
 *   xid 1 gpu0 79                  the first XID to tell: GPU 0, code 79; a file may hold many, numbered
 *   process gpu0 4711 1024         process 4711 holds 1024 bytes on GPU 0
 *   use gpu0 4711 1000 30          process 4711 used 30 % of GPU 0 at the driver's time 1000
 *
 * Built with OLD_DRIVER it lacks the calls that drivers before 535 lack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int nvml_result;
typedef struct gpu *gpu_handle;
typedef unsigned long long bits64;

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, TIMEOUT = 10, GPU_IS_LOST = 15 };
enum { GPUS_MAX = 64, LINE_LENGTH_MAX = 256 };

struct gpu { int index; };
static struct gpu gpus[GPUS_MAX];
static int initialised;
static int xids_told;

static FILE *open_state(void) {
    const char *path = getenv("NVML_DOUBLE_STATE");
    return path ? fopen(path, "r") : NULL;
}

/* Find "key value" and copy the value; the last such line counts. */
static int find(const char *key, char *value, size_t size) {
    char line[LINE_LENGTH_MAX];
    int found = 0;
    FILE *state = open_state();
    if (!state) return 0;
    while (fgets(line, sizeof line, state)) {
        size_t length = strlen(key);
        if (strncmp(line, key, length) == 0 && line[length] == ' ') {
            snprintf(value, size, "%s", line + length + 1);
            value[strcspn(value, "\n")] = 0;
            found = 1;
        }
    }
    fclose(state);
    return found;
}

/* Tell whether the file holds exactly this line. */
static int says(const char *verb, const char *object) {
    char line[LINE_LENGTH_MAX], wanted[LINE_LENGTH_MAX];
    int found = 0;
    FILE *state = open_state();
    if (!state) return 0;
    snprintf(wanted, sizeof wanted, "%s %s", verb, object);
    while (!found && fgets(line, sizeof line, state)) {
        line[strcspn(line, "\n")] = 0;
        found = strcmp(line, wanted) == 0;
    }
    fclose(state);
    return found;
}

static int value_of(gpu_handle gpu, const char *name, double *value) {
    char key[64], text[64];
    snprintf(key, sizeof key, "gpu%d.%s", gpu->index, name);
    if (!find(key, text, sizeof text)) {
        snprintf(key, sizeof key, "gpu.%s", name);
        if (!find(key, text, sizeof text)) return 0;
    }
    *value = strtod(text, NULL);
    return 1;
}

static unsigned count(void) {
    char text[16];
    unsigned number = find("count", text, sizeof text) ? (unsigned)strtoul(text, NULL, 10) : 1;
    return number > GPUS_MAX ? GPUS_MAX : number;
}

/* What every call does first: hang, refuse, be unsupported, be lost. */
static nvml_result enter(const char *call, gpu_handle gpu) {
    char key[128], text[16], name[16];
    while (says("hang", call)) pause();
    snprintf(key, sizeof key, "fault %s", call);
    if (find(key, text, sizeof text)) return atoi(text);
    if (!initialised) return UNINITIALIZED;
    if (says("unsupported", call)) return NOT_SUPPORTED;
    if (gpu) {
        snprintf(name, sizeof name, "gpu%d", gpu->index);
        if (says("lost", name)) return GPU_IS_LOST;
    }
    return SUCCESS;
}

#define ENTER(gpu) do { nvml_result refused = enter(__func__, gpu); if (refused) return refused; } while (0)

/* Answer with one number of the file; a GPU that has none of the name does not support the call. */
static nvml_result number(gpu_handle gpu, const char *name, unsigned *answer) {
    double value;
    if (!value_of(gpu, name, &value)) return NOT_SUPPORTED;
    *answer = (unsigned)value;
    return SUCCESS;
}

nvml_result nvmlInitWithFlags(unsigned flags) {
    char text[16];
    (void)flags;
    while (says("hang", "nvmlInitWithFlags")) pause();
    if (find("fault nvmlInitWithFlags", text, sizeof text)) return atoi(text);
    initialised = 1;
    return SUCCESS;
}
nvml_result nvmlShutdown(void) { initialised = 0; return SUCCESS; }

const char *nvmlErrorString(nvml_result result) {
    switch (result) {
    case NOT_SUPPORTED: return "Not Supported";
    case 9: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    default: return "an error of the double";
    }
}

nvml_result nvmlSystemGetDriverVersion(char *text, unsigned length) {
    ENTER(NULL);
    snprintf(text, length, "999.1");
    return SUCCESS;
}

nvml_result nvmlDeviceGetCount_v2(unsigned *answer) {
    ENTER(NULL);
    *answer = count();
    return SUCCESS;
}

nvml_result nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu_handle *gpu) {
    ENTER(NULL);
    if (index >= count()) return INVALID_ARGUMENT;
    gpus[index].index = (int)index;
    *gpu = &gpus[index];
    return SUCCESS;
}

nvml_result nvmlDeviceGetName(gpu_handle gpu, char *text, unsigned length) {
    ENTER(gpu);
    snprintf(text, length, "Double H200");
    return SUCCESS;
}

nvml_result nvmlDeviceGetUUID(gpu_handle gpu, char *text, unsigned length) {
    ENTER(gpu);
    snprintf(text, length, "GPU-00000000-0000-0000-0000-%012d", gpu->index);
    return SUCCESS;
}

nvml_result nvmlDeviceGetCudaComputeCapability(gpu_handle gpu, int *major, int *minor) {
    ENTER(gpu);
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

nvml_result nvmlDeviceGetTemperature(gpu_handle gpu, unsigned sensor, unsigned *celsius) {
    (void)sensor;
    ENTER(gpu);
    return number(gpu, "temperature", celsius);
}

nvml_result nvmlDeviceGetTemperatureThreshold(gpu_handle gpu, unsigned which, unsigned *celsius) {
    static const char *const names[] = {"shutdown", "slowdown", "memory_max", "max"};
    ENTER(gpu);
    if (which > 3) return NOT_SUPPORTED;
    return number(gpu, names[which], celsius);
}

nvml_result nvmlDeviceGetPowerUsage(gpu_handle gpu, unsigned *milliwatts) {
    ENTER(gpu);
    return number(gpu, "power_mw", milliwatts);
}

nvml_result nvmlDeviceGetEnforcedPowerLimit(gpu_handle gpu, unsigned *milliwatts) {
    ENTER(gpu);
    return number(gpu, "power_limit_mw", milliwatts);
}

nvml_result nvmlDeviceGetFanSpeed(gpu_handle gpu, unsigned *percent) {
    ENTER(gpu);
    return number(gpu, "fan_percent", percent);
}

nvml_result nvmlDeviceGetClockInfo(gpu_handle gpu, unsigned clock, unsigned *mhz) {
    ENTER(gpu);
    return number(gpu, clock == 2 ? "memory_mhz" : "sm_mhz", mhz);
}

nvml_result nvmlDeviceGetMaxClockInfo(gpu_handle gpu, unsigned clock, unsigned *mhz) {
    ENTER(gpu);
    return number(gpu, clock == 2 ? "memory_mhz_max" : "sm_mhz_max", mhz);
}

struct memory { bits64 total, free, used; };
nvml_result nvmlDeviceGetMemoryInfo(gpu_handle gpu, struct memory *memory) {
    double total, used;
    ENTER(gpu);
    if (!value_of(gpu, "memory_total", &total) || !value_of(gpu, "memory_used", &used)) return NOT_SUPPORTED;
    memory->total = (bits64)total;
    memory->used = (bits64)used;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

struct utilization { unsigned gpu, memory; };
nvml_result nvmlDeviceGetUtilizationRates(gpu_handle gpu, struct utilization *percent) {
    ENTER(gpu);
    nvml_result result = number(gpu, "utilization_percent", &percent->gpu);
    return result ? result : number(gpu, "memory_utilization_percent", &percent->memory);
}

static nvml_result reasons(gpu_handle gpu, bits64 *bits) {
    double value;
    if (!value_of(gpu, "reasons", &value)) return NOT_SUPPORTED;
    *bits = (bits64)value;
    return SUCCESS;
}

#ifndef OLD_DRIVER
nvml_result nvmlDeviceGetCurrentClocksEventReasons(gpu_handle gpu, bits64 *bits) {
    ENTER(gpu);
    return reasons(gpu, bits);
}
#endif

nvml_result nvmlDeviceGetCurrentClocksThrottleReasons(gpu_handle gpu, bits64 *bits) {
    ENTER(gpu);
    return reasons(gpu, bits);
}

struct violation { bits64 reference_us, violation_ns; };
/* The file holds the share of the time in violation; the counter grows by it. */
nvml_result nvmlDeviceGetViolationStatus(gpu_handle gpu, unsigned policy, struct violation *violation) {
    struct timespec now;
    double share;
    ENTER(gpu);
    if (!value_of(gpu, policy == 0 ? "violation_power" : policy == 1 ? "violation_thermal" : "violation_other", &share))
        return NOT_SUPPORTED;
    clock_gettime(CLOCK_MONOTONIC, &now);
    violation->reference_us = (bits64)now.tv_sec * 1000000 + (bits64)now.tv_nsec / 1000;
    violation->violation_ns = (bits64)(share * ((double)now.tv_sec * 1e9 + (double)now.tv_nsec));
    return SUCCESS;
}

nvml_result nvmlDeviceGetTotalEccErrors(gpu_handle gpu, unsigned kind, unsigned counter, bits64 *errors) {
    double value;
    ENTER(gpu);
    if (!value_of(gpu, kind == 0 ? "ecc_corrected" : counter == 0 ? "ecc_uncorrected" : "ecc_uncorrected_lifetime", &value))
        return NOT_SUPPORTED;
    *errors = (bits64)value;
    return SUCCESS;
}

struct field { unsigned id, scope; long long timestamp, latency; unsigned type; nvml_result result; union { unsigned u; bits64 ull; double d; } value; };
nvml_result nvmlDeviceGetFieldValues(gpu_handle gpu, int length, struct field *fields) {
    ENTER(gpu);
    for (int at = 0; at < length; at++) {
        fields[at].result = fields[at].id == 82 ? number(gpu, "memory_temperature", &fields[at].value.u) : NOT_SUPPORTED;
    }
    return SUCCESS;
}

struct process { unsigned pid; bits64 bytes; unsigned instance, compute_instance; };
nvml_result nvmlDeviceGetComputeRunningProcesses_v3(gpu_handle gpu, unsigned *room, struct process *found) {
    char line[LINE_LENGTH_MAX];
    unsigned processes = 0, pid;
    bits64 bytes;
    int index;
    ENTER(gpu);
    FILE *state = open_state();
    if (!state) return NOT_SUPPORTED;
    while (fgets(line, sizeof line, state)) {
        if (sscanf(line, "process gpu%d %u %llu", &index, &pid, &bytes) != 3 || index != gpu->index) continue;
        if (found && processes < *room) found[processes] = (struct process){pid, bytes, 0, 0};
        processes++;
    }
    fclose(state);
    nvml_result result = processes > *room || (!found && processes) ? INSUFFICIENT_SIZE : SUCCESS;
    *room = processes;
    return result;
}

nvml_result nvmlDeviceGetGraphicsRunningProcesses_v3(gpu_handle gpu, unsigned *room, struct process *found) {
    return nvmlDeviceGetComputeRunningProcesses_v3(gpu, room, found);
}

struct use { unsigned pid; bits64 at_us; unsigned sm, memory, encoder, decoder; };
nvml_result nvmlDeviceGetProcessUtilization(gpu_handle gpu, struct use *found, unsigned *room, bits64 since_us) {
    char line[LINE_LENGTH_MAX];
    unsigned uses = 0, pid, sm;
    bits64 at_us;
    int index;
    ENTER(gpu);
    FILE *state = open_state();
    if (!state) return NOT_SUPPORTED;
    while (fgets(line, sizeof line, state)) {
        if (sscanf(line, "use gpu%d %u %llu %u", &index, &pid, &at_us, &sm) != 4) continue;
        if (index != gpu->index || at_us <= since_us) continue;
        if (found && uses < *room) found[uses] = (struct use){pid, at_us, sm, 0, 0, 0};
        uses++;
    }
    fclose(state);
    nvml_result result = !uses ? NOT_FOUND : uses > *room || !found ? INSUFFICIENT_SIZE : SUCCESS;
    *room = uses;
    return result;
}

nvml_result nvmlEventSetCreate(void **events) {
    ENTER(NULL);
    *events = &xids_told;
    return SUCCESS;
}
nvml_result nvmlEventSetFree(void *events) { (void)events; return SUCCESS; }

nvml_result nvmlDeviceRegisterEvents(gpu_handle gpu, bits64 types, void *events) {
    (void)types;
    (void)events;
    ENTER(gpu);
    return SUCCESS;
}

struct event { gpu_handle gpu; bits64 type, code; unsigned instance, compute_instance; };
nvml_result nvmlEventSetWait_v2(void *events, struct event *event, unsigned milliseconds) {
    char line[LINE_LENGTH_MAX];
    int number, index, found = 0;
    bits64 code;
    (void)events;
    (void)milliseconds;
    ENTER(NULL);
    FILE *state = open_state();
    if (!state) return TIMEOUT;
    while (!found && fgets(line, sizeof line, state)) {
        if (sscanf(line, "xid %d gpu%d %llu", &number, &index, &code) != 3 || number <= xids_told) continue;
        if (index < 0 || index >= GPUS_MAX) continue;
        xids_told = number;
        *event = (struct event){&gpus[index], 8, code, 0, 0};
        found = 1;
    }
    fclose(state);
    return found ? SUCCESS : TIMEOUT;
}
