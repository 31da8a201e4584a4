/** The processors that there is a filter for, by Node's name. */
export type FilteredArch = "x64" | "arm64"

/** What the filter has to know of one processor's calls (Linux `asm/unistd.h`). */
export interface SyscallTable {
  /** `AUDIT_ARCH_*` (linux/audit.h). */
  readonly audit: number
  /** Calls from this number on belong to another ABI of the same processor. */
  readonly foreignAbiFrom: number | null
  readonly clone: number
  readonly clone3: number
  readonly ioctl: number
  readonly socket: number
  readonly socketpair: number
  /** Calls that an agent has no honest use for: ways out, kernel settings, other processes' memory. */
  readonly denied: Readonly<Record<string, number>>
}

/** Since Linux 5.0 new calls have one number everywhere. */
const common: Readonly<Record<string, number>> = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
  quotactl_fd: 443,
  memfd_secret: 447,
  process_mrelease: 448,
  open_tree_attr: 467,
}

const x64: SyscallTable = {
  audit: 0xc000_003e,
  // Bit 30 marks the x32 ABI, whose calls would slip past the numbers below.
  foreignAbiFrom: 0x4000_0000,
  clone: 56,
  clone3: 435,
  ioctl: 16,
  socket: 41,
  socketpair: 53,
  denied: {
    ...common,
    ptrace: 101,
    syslog: 103,
    uselib: 134,
    personality: 135,
    sysfs: 139,
    vhangup: 153,
    modify_ldt: 154,
    pivot_root: 155,
    _sysctl: 156,
    adjtimex: 159,
    chroot: 161,
    acct: 163,
    settimeofday: 164,
    mount: 165,
    umount2: 166,
    swapon: 167,
    swapoff: 168,
    reboot: 169,
    sethostname: 170,
    setdomainname: 171,
    iopl: 172,
    ioperm: 173,
    init_module: 175,
    delete_module: 176,
    quotactl: 179,
    nfsservctl: 180,
    lookup_dcookie: 212,
    clock_settime: 227,
    kexec_load: 246,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    migrate_pages: 256,
    unshare: 272,
    move_pages: 279,
    perf_event_open: 298,
    fanotify_init: 300,
    name_to_handle_at: 303,
    open_by_handle_at: 304,
    clock_adjtime: 305,
    setns: 308,
    process_vm_readv: 310,
    process_vm_writev: 311,
    kcmp: 312,
    finit_module: 313,
    kexec_file_load: 320,
    bpf: 321,
    userfaultfd: 323,
  },
}

const arm64: SyscallTable = {
  audit: 0xc000_00b7,
  foreignAbiFrom: null,
  clone: 220,
  clone3: 435,
  ioctl: 29,
  socket: 198,
  socketpair: 199,
  denied: {
    ...common,
    lookup_dcookie: 18,
    umount2: 39,
    mount: 40,
    pivot_root: 41,
    nfsservctl: 42,
    chroot: 51,
    vhangup: 58,
    quotactl: 60,
    acct: 89,
    personality: 92,
    unshare: 97,
    kexec_load: 104,
    init_module: 105,
    delete_module: 106,
    clock_settime: 112,
    syslog: 116,
    ptrace: 117,
    reboot: 142,
    sethostname: 161,
    setdomainname: 162,
    settimeofday: 170,
    adjtimex: 171,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    swapon: 224,
    swapoff: 225,
    migrate_pages: 238,
    move_pages: 239,
    perf_event_open: 241,
    fanotify_init: 262,
    name_to_handle_at: 264,
    open_by_handle_at: 265,
    clock_adjtime: 266,
    setns: 268,
    process_vm_readv: 270,
    process_vm_writev: 271,
    kcmp: 272,
    finit_module: 273,
    bpf: 280,
    userfaultfd: 282,
    kexec_file_load: 294,
  },
}

export const syscallTables: Readonly<Record<FilteredArch, SyscallTable>> = { x64, arm64 }
