"""The names that the processes of a vassal use, side by side in memory.

Whoever asks an object for an attribute writes to the name: Python counts its references.  The page where the
name lies is not shared any more then, and names come into being where they are first used, all over the
imports.  So they are made here, before anything is imported, and a vassal that is forked from an Emperor
copies dozens of pages rather than hundreds.

The list is made by ``python -m tests.bench.names``.  A name that it lacks costs a page, one too many costs
its letters.
"""

from __future__ import annotations

import sys
from typing import Final

_TEXT: Final = """\
__name__ int isinstance AttributeError _FuncPtr __getitem__ endswith setattr startswith AF_INET AS_ROOT
AppError BIRTH BOOT BOUND BaseException CgiOptions EJECT ERROR Exception Exit Flag Handlers HookFailed Hooks
INITIALIZED IndexError InternalError KeyError KeyboardInterrupt LOADED Limits LoadFailed Moment Mounting NAME
OSError Occasion PR_SET_NAME PR_SET_PDEATHSIG Pause PeerError Phase Privileges Processes PythonApps Ready
RequestOptions SENT_TO_GROUPS SIG_BLOCK SIG_IGN SIG_UNBLOCK SOCK_STREAM Scene Signals Sockets StopIteration
StructError SystemExit T TypeError UnknownMember UwsgidError ValueError _MAX_TEXT _WITH_CONTEXT __context__
__dict__ __init__ __new__ __qualname__ __setattr__ _active _boundary_ _bridge _check _closed _create_
_defaults _enum_to_int _guard _ident _int_to_enum _io_refs _iterating _kept _kernel _libc _listed _lock
_member_map_ _members _missing_ _names _pause _pending_removals _reloader _say _sections _signal _socket
_started _sys _value2member_map_ _value_ acquire actions add addressof announcement append apps attempt audit
auto_procname become_the_user begin bool born buffer_size bytearray bytes c_char callable calls cast chain
channel chdir chown clear close closed code_of command commands contextlib copy create_string_buffer ctypes
data decode difflib disable discard drive drop_after_apps drop_after_init enable encode enters_a_jail
enumerate environ environb errno family fd fit float format from_bytes generation get get_close_matches
get_errno get_ident getattr geteuid getpid household install is_fatal issubclass items iter join
keep_in_memory kept kernel languages layout leave len list listeners lock locks map master_as_root master_pid
max mlockall modules moment_of mounts name name_process never_swap next nodename numbers of open os pack part
partition perform phase phase_of pidfd_open pop prctl print_exc private privilege_step processes
pthread_sigmask putenv range read reason ref remove requests role run run_command say seat seconds seed select
send set set_parent_death_signal set_process_name set_process_title set_thread_name set_title setblocking
settings shell signal slot socket sorted start started stderr str strerror strip super suppress sys syscalls
tag text threading threads throw time titled titles traceback tuple type umounts uname update value values
variables vassal write_memory AppFacts BYTECODE_SUFFIXES Born BytesWarning DeprecationWarning
ExtensionFileLoader Facts Failed FileIO Fork INTERPRETER ImportError Loaded LockTable MAX_RECORD MISSING Magic
ModuleSpec NamespaceLoader NotImplemented NotImplementedError PerlApps PyOS_AfterFork_Child
PyOS_AfterFork_Parent PyOS_BeforeFork RuntimeError SCM_RIGHTS SIGKILL SIG_SETMASK SOL_SOCKET SOURCE_SUFFIXES
SourceLoader TextIOWrapper UnicodeDecodeError UnicodeEncodeError _FIELDS _MOST_DESCRIPTORS _OPT _POPULATE
_PYCACHE _RECORDS __cached__ __class__ __doc__ __file__ __loader__ __package__ __path__ __spec__ __stderr__
__stdout__ _add _answer _answers _bootstrap _bootstrap_external _cached _call_with_frames_removed
_check_arg_types _clear _data _date _deliver _djb33x _exit _field_type _format _get_cached _get_sep
_get_supported_file_loaders _held _household _init_module_attrs _initialized _io _is_dataclass_instance _last
_name _new_module _of_path _os _path _path_isabs _path_join _path_normpath _path_split _python _set_fileattr
_terminal _uninitialized_submodules _warnings _write abspath args argv array atexit binary c_void_p
cache_from_source cache_tag cached config_sources cpu_count cpus create_module cwd decodevalue default detach
dict directives encodekey enter enter_directory exceptions exec exec_module executable exists exit_code fail
failed flags for_source forget_atexit fromkeys fsdecode fsencode fspath func gc genericpath get_code get_data
get_filename getcwd getcwdb getgid getgrgid getpwuid getuid gid gr_name group grp has_location has_scheme
hasattr hear hostname house implementation initialize insert io is_package is_reload isabs isalnum json
listdir load loaded loader loader_state logs lstrip max_apps module_from_spec need_app normpath number object
of_this_process open_code optimize origin own_standard_streams parent parse partial path path_sep
path_separators paths pipe pw_name pwd pycache_prefix rack rails reconfigure release reload removesuffix
replace reversed rfind rpartition rstrip scheme_of settle site size source source_to_code
spec_from_file_location split st_ino starter stat stdout submodule_search_locations ticket time_ns uid unpack
unpack_from user user_lock_names version warn zip ACCEPTING AF_UNIX AddressFamily Answers BORN BlockingIOError
Bodies EPOLLIN Endings Harakiri IPPROTO_TCP Lock MemoryLimits O_CLOEXEC O_NONBLOCK O_RDONLY READY RECORD
RLIMIT_NOFILE Recycling RequestLog SIGHUP SIGINT SIGQUIT SIGTERM SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2
SIGWINCH SIG_DFL STDERR ServerLines _BATCH _CELL __version__ _again _board _by_name _call _end _endings _fd
_harakiri _heard _house _intenum_converter _load _most _open _processes _queues _ready _real_close _requests
_settings _signals _since _slot _text _threads _told _user add_header after any app_requests attend avg_rt
board buffering_size bufsize code configured connect core_requests cores ctime current date_format deadline
drain due end epoll errors evil_as evil_rss extend farewell faulthandler fileno find format_exc frozenset
getrlimit getsockopt has_emperor in_request index interval isascii isdecimal kind log loop loop_engines lower
memory_report mercy min min_lifetime past_requests paused pid poll port post_buffering protocol read_errors
records register rejected reload_on_as reload_on_rss request_kind resource running_time say_statistics seats
serve set_blocking set_wakeup_fd setdefault setsockopt slots snapshot snapshots socket_timeout timeout
toggle_pause total_requests tx waits warning welcomed worker_mercy workers write write_errors writer BODY
Conversation EMSGSIZE FATAL HEADERS MODIFIER Newborn POST_APP PRE_APP ProcessLookupError RLock UwsgiModule
_ADOPTION_TAKES _CRLock _IterationGuard _KEEPERS _MainThread _PIECE _PyRLock _active_limbo_lock _allocate_lock
_at_fork_reinit _at_fork_reinit_lock_weakset _commit_removals _cond _dangling _enumerate _failed _is_stopped
_limbo _main_thread _numbered _others _reset_internal_locks _sha512 _shutdown_locks _shutdown_locks_lock _stop
_tstate_lock _waiters api ask close_all digest drop_at enter_late_directory gauss_next gethostname getppid
here id lazy lazy_apps loads_late master modifier1 monotonic only ord put roles say_traceback
step_of_a_newborn vhost wait_for_adoption weakcontainer ABSTRACT AFTERWARDS AF_INET6 AF_NETLINK ANY AS_USER
AWAKE Address AddressError AllInOne AlreadyCalledError Answer Ask BARE BATCH BOM_UTF16_BE BOM_UTF16_LE
BOM_UTF8 Backoff BannerFacts BinaryPatch Board Boot BuiltinImplementationSpecifications C3 CLONE_NEWUSER
CLOSERS COMMAND_LINE CONNECTION_DONE CONNECTION_LOST Call Capabilities Cgroups Channel CheapMode CheckRound
CheckedMounts Child ClassProvides ConfigError Confinement ConnectionResetError ContextTracker CoroutineType
DEFAULT_SECTION DESCRIPTOR DIE DIRECTORY DebugInfo Declaration Deferred DeferredList DelayedCall Departure
DescriptorLogger Directive Door EADDRINUSE EINTR EMPEROR_FD EMPEROR_FD_CONFIG EMPEROR_PROXY EMPTY ENVIRONMENT
EOFError EPERM EPOLLERR EPOLLHUP EPOLLOUT EPollReactor EXILE Early EmperorOptions EmperorProxy ExitStatus
ExitWatch FAILURE FALSE FD_CLOEXEC FILE FIRST_ACTIVATED FLAG F_GETFD F_GETFL F_SETFD F_SETFL Failure Family
Fifo FifoFiles FileFacts FileNotFoundError FromEmperor GO_ON GROUPS_KEPT Gateway Gateways GeneratorType Giver
HARAKIRI_WITHOUT_BUFFERING HEARD HEARTBEAT HONOURED Habits Handing HookChain Household Http Https ILogContext
IMMEDIATE IMPLIED INET INET6 INETD INVALID_WHILE_DESERIALIZING IN_FALLBACK IReactorFDSet IReactorThreads
IReactorTime IServiceCollection Identity Idle IdleWatch Implements ImportWarning Inheritance Inherited
Instance Intake Interface InterfaceBase InterfaceClass InterruptedError Isolation JSONDecodeError JSONDecoder
Jails Judgement KINDS Kept Kernel KernelError KeysView LATE LIVE LOADERS LOG_CHANGED_IRO LOYAL LeaveNow Lender
Lexicon Liaison Life LineObserver Lines Listener Loader LogFile LogIntake LogMaster Logs LoopingCall Loyalty
MAGIC_NUMBER MARK MASTER_START MAX_PATH MAYBE MERCY MFD_CLOEXEC MOUNTPOINT Master Memory Mistake
ModuleNotFoundError MountCheck MultiService NOTHING NOTHING_TO_DO NOT_OPTIONS NO_BINDING NameError Namespaces
NoTransition Nursery OF_CHILDREN OLD_AGE ON_FREEBSD OPENERS ORDER O_DIRECTORY O_RDWR OneShot Opened Origin
Orphans OverflowError PAGESIZE POLLIN POST_JAIL PROTOCOLS PROXY_NAME PR_SET_CHILD_SUBREAPER Parsed PathKind
PermissionError Pipeline Positional PosixReactorBase Questions Queues REFUSED RELOAD RELOADS RLIMIT_AS
RLIMIT_NPROC RLIM_INFINITY ROLE RUNNING_AS_ROOT ReactorAlreadyInstalledError ReactorAlreadyRunning
ReactorNotRestartable Reading Reexec Reloads Rereading Rests Roster SEATS_PER_SLOT SEED SHARED SIGALRM SIGCHLD
SILENCE SLEEP SOCK_DGRAM SOCK_SEQPACKET SO_ACCEPTCONN SO_RCVBUF SO_SNDBUF SPAWNED SPEAKS STANDARD STARTED_AS
STEPS STILL_ROOT STRICT_IRO SUCCESS SYSTEMD S_ISREG S_ISSOCK Service Settings Shell Site SocketFacts
SocketSpec Sos SosWatch Sources Specification Stall Starter Statistics Stats StatsFactory StatsService
Strictness Supervisor Support TCP_INFO TOUCH TRACK_BAD_IRO TRUE Takes Target TitleArea ToEmperor Touch
TouchFiles TouchWatch Touches Transitioner TunTapDevice TunTapRouter TypedDataState UNIX UNKNOWN UPSTART
USE_LEGACY_IRO Undertaker UnixSignals UserLocks VALUE VARIABLE Vassal VassalOptions Verdict WORKER Waits
Warden Watchdog WeakKeyDictionary When WindingDown Words Workforce ZYGOTE Zerg ZergPools ZergServer
ZergServing _BLANK _BUSTLE _C3__mro _CONTINUE _CORE_COLUMNS _CancellationStatus _ChildSignalHandling
_ClassProvides__args _ComplexResolverSimplifier _ContinuousPolling _DEEPEST
_DEFAULT_DELAYED_CALL_LOGGING_HANDLER _DEFERRED_SUBCLASSES _DeadlockError _DefGen_Return _DummyModuleLock
_DummyThread _ENDS _ERR_MSG _Entry _FAREWELL _FIELD_CLASSVAR _FIELD_INITVAR _FIRST_REACTIONS _Facts
_GAIResolver _INTERVAL _Immediately _ImportLockContext _InternalState _LAST_WORDS _LONGEST _MAYBE _ModuleLock
_ModuleLockManager _MultiSignalHandling _MutableMapping__marker _NEEDS_LOADING _NEEDS_ONE_PLACE
_NETLINK_SOCK_DIAG _NLMSGHDR _NLMSG_ERROR _NLM_F_REQUEST _NO_COOKIE _NO_FILEDESC _NO_RESULT _NamespacePath
_ORIGIN _Opening _POLLFD _POLL_DISCONNECTED _POLL_IN _POLL_OUT _PREFIX _Place _PollLikeMixin _RAW_MAGIC_NUMBER
_READ_ONCE _ROComparison _ROOT _RQLEN _RTATTR _Reader _Registrar _SAYS _SEAT_COLUMNS _SEAT_PATIENCE
_SIGCHLDWaker _SLOT_COLUMNS _SOCK_DIAG_BY_FAMILY _StaticMRO _StaticMRO__mro _Step _StrictC3 _SystemEventID
_TCPI_UNACKED _TCP_LISTEN_BIT _TRANSITION _ThreePhaseEvent _ThreePhaseEventTriggerHandle _TrackingC3
_UDIAG_SHOW_RQLEN _UNIX_DIAG_MSG _UNIX_DIAG_REQ _UNIX_DIAG_RQLEN _UseLegacyRO _VARIABLE _Waker
_WithSignalHandling _WithoutSignalHandling __all__ __automat_automaton__ __automat_core__ __automat_data__
__automat_postponed__ __automat_transitioner__ __automat_type__ __bases__ __getattribute__ __implemented__
__iro__ __module__ __mro__ __providedBy__ __provides__ __sro__ _abstract _act _acts _addInternalReader
_add_in_block _add_interfaces_to_cls _add_positional _adopt _all _allow _allow_all _append _argv _aside _ask
_asked _asleep _assertion _attach _autoip _automaton _backoff _bases _be_ready _be_the_emperor _be_the_seed
_be_who_is_wanted _bearing_seed _beats _become _begin _beside _bind _births _blacklist _block _blocking_on
_boot _borrow _buffers _cache_bytecode _cached_setattr_get _calculate_sro _callbacks _called_at _calls
_can_choose_base _cancelCallLater _cancellableInlineCallbacks _cancellations _canceller _cbDeferred _cells
_chainedTo _changes _changing _channel _cheap _check_again _check_already _check_harakiri _check_lifetime
_check_memory _check_mercy _check_socket _checking _checks _child _childWaker _choose_next_base
_classImplements_ordered _classify_pyc _clock _close _cls _code_to_hash_pyc _code_to_timestamp_pyc _code_type
_command _compile_bytecode _complain_of_missing _configure _content _continuation _continueFiring
_continuousPolling _convert _copy_context _custom _cwd _datagrams _debug _debugInfo _declare _declared _deeper
_default_decoder _deferred _deferredList _departure _dependents _deprecatedAttributes _descriptors _destroy
_detonate _device _die_of_idleness _die_on_term _directives _dirty_len _disconnectSelectable _doReadOrWrite
_do_calculate_ro _document _due _dummyID _empty _end_is_near _end_of_input _ended _ended_children _ends _enter
_entered _entries _environ _eventTriggers _exit_code _expand _expecting _facts _fail _failthru _failures _fill
_fill_cache _find _find_and_load_unlocked _find_next_C3_base _find_spec _find_spec_legacy _finish _first
_first_ended _firsts _fix_co_filename _forbid _forbid_nothing _fork _forsaken _fresh _full_name
_gateway_is_ready _gateways _getDebugTracebacks _getThreadPool _get_machine_win32 _get_module_lock _get_spec
_getaddrinfo _give_up _given _gotResultInlineCallbacks _groups _guess_next_base _handing _handle_fromlist
_handler _has_spare _hear _heartbeat _here _hooks _hopes _imp _implementedBy_super _implements
_implements_name _implied _imply _in_a_thread _in_line _index_of _inet6 _inheritance _inherited _initThreads
_initialState _initializing _inject_after _inject_before _inlineCallbacks _insertNewDelayedCalls
_installSignalHandlers _installed _instance _intake _internalReaders _interval _is_busy _is_open _is_zombie
_isolation _join _justStopped _keep_quiet _knock _knocked _known _lastWasPath _last_ticket _late _latest
_lay_pipe _leave_twistd _leave_with_code _legacy_get_spec _lender _letters _lexicon _liaison _lines _link
_listen _listeners _live_once _living _load_backward_compatible _load_plugins _load_unlocked _loaded _loader
_loaders _lock_unlock_module _log _logger _loggers _long _look _looks _loop _lost _loyalty _makeSignalHandling
_make_ambient _make_life _mapped _mapping _master _measures _meet _memory _memory_of _merge _mistake _module
_module_locks _monotonic _moveCallLaterSooner _mtime _nameResolver _name_ _need_app _newTimedCalls _node
_nonempty_bases_ignoring _normalizeargs _note _note_apps _note_cheaped _note_fallback _note_unknown _now
_number _nursery _object_name _observers _occasion _odd_boolean _of_the_living _one_shot _options _or_give_up
_orders _original _origins _orphans _otherwise _over _owner_of_the_log _parent _part _pass_over _patch
_path_cache _path_hooks _path_importer_cache _path_is_mode_type _path_isdir _path_isfile _path_mtime
_path_stat _paths _pending _pendingTimedCalls _permissions _place _placed _plain _plain_lines _plant_spare
_plugins_of_program _poller _port _print _problem _problems _proc _proceed _provide _proxy _queue_length
_reaction_to _reactor _read _read_envdir _readers _reads _real _reallyStartRunning _recycling _reexec _refork
_refuse_twice _registerAsIOThread _relax_case _relaxed_path_cache _reload_again _remove _removeInternalReader
_resolve _resolve_filename _rest _rests _roster _runAtStart _runCallbacks _runningCallbacks _said_of _say_what
_scheduleFrom _sealed _seeds _seen _selectables _sentries _serve _served _set _setCloseOnExec _set_placeholder
_set_variable _shell _sigBreak _sigInt _sigTerm _signalHandlings _signalsFactory _site _sos _sources _spawned
_stall _start _startRunCallbacks _startedBefore _starter _state _stats _step _stopped _stopping _string_at
_super_cache _supervisor _suppressAlreadyCalled _suspects _swapped _syscmd_ver _systemEventHandler _systemd
_target _tell_ready _then _thread _threadCallHandler _tickets _tidings _timers _title_area _topHandler
_touches _tracer _transitions _turn_on_implied _uname_cache _undertaker _unhandledTransition _unix _unix_queue
_unknown_as_blank _unlink_stale _unpack_uint32 _unreadable _unsaid _upstart _used _v_attrs _validate_hash_pyc
_validate_timestamp_pyc _values _verbose_message _verdicts _wake _wake_up _wakerFactory _wanted _watch
_weakref _whitelist _whole _wind_up _winding_down _with_next _words _workers _workforce _writers _writes _zerg
_zygotes a about abstract accept acquire_lock act act_late activate_delay addBoth addCallback addCallbacks
addErrback addObserver addReader addService addSystemEventTrigger addTrigger addWriter add_gid address
address_space addresses adopt all all_accept all_busy all_ready allocate_lock also answer app_exceptions
apply_descriptors apply_limits apply_priority arguments ascii_decode asked attach attach_parameters auto_port
backlog backlog_line banner banner_lines bare base_tree basename bases_had_inconsistency be_vassal become
become_cheap before begin_as_first bind bind_shared bind_sockets bind_tcp bind_unix binding binsh bits boot
born_at buffering_line builder built builtins c_ulong call callLater callWhenRunning callWithContext
callWithLogger call_for_zergs callback called cancelled canceller capabilities catalog change_root
change_roots change_user changed changes_root cheap cheaped check check_backlog check_hash_based_pycs
check_interval check_size check_tyrant check_without_root checked child child_born child_ready child_said
children chmod choose_shell chroot classImplements cleanup clock close_leftovers close_unclaimed co_filename
co_name codecs collect columns combined command_socket complaint config_formats configuration configure
confine connect_and_read consumeErrors context contexts convert count crash creator ct currentContext
current_thread customs daemonize daemonize2 dataclasses date death_signal debug decide declared
declared_sections decodekey defaultContextDict default_int_handler deferLater deferred delayed_time departure
dependents descriptor descriptors detect_encoding device devices devnull die die_on_term dies_with_parent
difference direct_inconsistency directive directories directory disconnectAll disownServiceParent doIteration
doPoll doRead doWrite done dont_write_bytecode drop drop_calls dump_options dup dup2 during e early emperor
emperors enabled encodevalue end_is_near enter_jails envdir environment_options epollreactor err errback error
exc_info exit exit_on_reload expand expect_answer expected expecting extends extensions f f_code facts
failResult failed_reloads failure failuresHandled fall_back fallback fcntl fdesc fdopen fetch fetch_bytes
fetch_failed field fifo file_writes filename files fill_jail fill_the_jail filter filters filters_in_force
final_set find_area find_frozen find_inherited find_out find_spec fingerprint finishedBefore finishedCount
fireEvent fireOnOneCallback fireOnOneErrback fireSystemEvent first first_reduction force_cwd fork fork_asleep
forkbomb_delay format_of format_stack free_seat fresh_reactor fromCoroutine fs_timeout fstat furnish
gateway_setups gateways generation_failed generation_loaded getContext getReaders getThreadID getThreadPool
getWriters get_terminal_size getgroups gethostbyname getsignal getsockname gid_maps giver globalLogPublisher
gone graceful_signal graceful_timeout group_name groups had_inconsistency harakiri harakiris has_deadlock
has_devices has_outlived hash have heapify heappop heappush heartbeat help_text hire hold_standard_descriptors
hold_the_log honour_stdin hook_list hooks host how_buffered http hup i ident idle immediate implementedBy
implementer implies info inherit inheritance inheritance_of inherited init initialState inode inspect
installHandler installNameResolver installReactor installWaker interface_timeout interfaces internet invoker
ioThread isOrExtends is_builtin is_custom is_flag is_immediate is_inside is_jailed_at_boot is_of_the_boot
is_pattern is_proc_ours is_ready is_set is_socket is_tcp is_unix is_vacant iscoroutine isdigit isdir isfile
isgenerator jail jail_setups jailed java_ver jidfile join_by_proxy join_cgroups judge judge_reading keep
keep_from_commands keep_terminal key keys kill killed known known_pids kw label last late_option late_tls
later_flags leaf legacy_ro lengths lent let_go liaison life lifetime_limit list_monitors listed listen
listening lists live live_in_jail load_plugin loads local_address locals lock_lines logPrefix log_file longest
look machine mainLoop many map_workers mapped_line mappings marshal mask_of master_line max_lifetime
max_lifetime_delta maybeDeferred meaning memfd_create memo memoryview mercy_line meta_path method
missing_section mmap mode_line modify monitors_of most mother mountpoints mro named namedServices names
nearest net no_defer_accept no_initgroups no_new_privs no_server node not_born note_who_serves notices notify
null o objectSpecificationDescriptor observer offloaded_requests on_demand_directory one_less one_more
open_descriptors open_destination open_late open_namespaces opener option options orders out_of_reach
outputForInput overdue overwritten owner owner_ids padded page_line parameters parse_address parse_area
parse_kept parse_variable passthru past_exceptions past_running_time past_tx patch path_importer_cache
path_stats pause pidfd pidfile pidfile2 pipeline pivot pivot_detach pivot_root placeholders platform
platformType policy_of pools posixbase posixpath preopen present print priority privileged
privilegedStartService privileged_command problem problems proceed process procname_master promote promoted
prove_dropped proxy python question queue_length queue_threshold queues quit raw_decode rcvbuf
react_as_a_new_program reactor read_again read_all read_apps read_envdir read_memory read_pidfile read_the_log
reading readlink reads_directive reap reapAllProcesses reapProcess reapProcessHandlers recv refork
refork_as_root refork_post_jail reforks refused registerAsIOThread release_lock reload_brutally reload_chain
reload_mercy reload_workers reload_workers_brutally reloads relpath removals removeAll removeObserver
removeReader removeWriter removeprefix reopen reopen_log request_size requiresData reserve_without_null
resetter resolve resolve_identity resolver respawns rest restore result resultList returncode rewrite_pidfiles
rlimits root rotate_log routed_requests routers rss runUntilCurrent run_hooks run_last_hooks run_later
run_these running safe_fd safe_pidfile safe_pidfile2 said said_ready scan scan_once schemes seccomp section
see seed_pid send_fds sendmsg sends_config sendto servers services setName setNonBlocking setServiceParent
set_child_subreaper set_inheritable set_no_new_privs set_placeholders setns_socket settimeout settle_stdin
shared show_config shown shutil sigBreak sigInt sigTerm siginterrupt signal_pidfile signals sit_down skip
skip_zero sndbuf sockaddr socket_facts socketpair sockets somaxconn soon source_hash sources spec_from_loader
specs spellings split_section splitlines spoken_with_workers spreads st_dev st_gid st_mode st_mtime
st_mtime_ns st_size st_uid stall stand_up startRunning startService start_lines started_as started_with
starttime state static_requests statistics stats status_of step stop stopService stop_brutally stopping
storage strftime string_at struct sub subprocess subscribe substitute succeed supervisor support
supportsThreads suspects sweep system table take take_back_pidfiles take_environment take_the_place takes
target tb_frame tb_lineno tb_next tell term test text_of threadCallQueue threadable threadingmodule
throwExceptionIntoGenerator thunder_lock to to2 told told_at touched touches transition trigger try_module
tstp ttin ttou turnover tzset uid_maps umask uname_result uninstall unlink unprivileged unprivileged_command
unset unshared unshared_later unsubscribe upper uri used_placeholders user_name usingThreads usr1 usr2 verbose
verdict vsz wait wait_for wait_for_interface wait_for_path wait_for_socket waiters waitingOn wakeUp waker
wakeup want wanted warnAboutFunction warn_explicit warnings was_ready watch_child watchdog weakref what
win32_ver winch wishes_of with_a_way_for_gateways with_port with_value word worker_line workforce worst
write_one write_pidfile write_pidfiles zombie_children zygote App Apps Bridge CMSG_SPACE ConnectionError
Deliver EMFILE ENDINGS ENOSYS Error EvalTarget FAILED_APP FILE_ENDINGS FILE_PREFIX FileTarget INFINITY
JSONEncoder Leave LoadOutcome Lookup MODIFIER1 MSG_CMSG_CLOEXEC ModuleTarget OK PROGRAM PR_GET_TID_ADDRESS
Path Plan PosixPath PurePath PythonHome Retire RubyApps SCRIPT SPOOL_IGNORE SPOOL_OK SPOOL_RETRY Spawn VERSION
VERSION_INFO WindowsPath _BAR _CLONE_ARGS _CLONE_CHILD_CLEARTID _CLONE_CHILD_SETTID _CLONE_PARENT _FIELD
_GeneratorContextManager _Loader _NO_SIBLINGS _SYS_CLONE3 _UncachedLoader _WENT_WRONG __cause__ __repr__
__traceback__ _applications _apps _astuple_inner _bear_sibling _by_mountpoint _call_midwife _callable
_callables _choose_only _close_all _configuration _deepcopy_atomic _deepcopy_dispatch _default_encoder _drv
_enter_home _flavour _foreign_endings _format_parsed_parts _from_parsed_parts _from_parts _is_alone
_keep_alive _longest_first _make_child_relpath _make_iterencode _member_type_ _missing _native_id _parse_args
_parts _prefixes _prepare _reconstruct _report_failure _root _settle _str aliases allow_nan altsep
api_functions app_facts application as_bytes astuple bear become_server_of_births c_long c_make_encoder chdir2
check_circular close_the_reactor compile deepcopy delattr describe_apps dispatch_table dumps enable_threads
encode_basestring encode_basestring_ascii endings ensure_ascii eval execute execute_post_fork fields file
find_callable follow_variable forget_half_imported fork_sibling freeze from_settings frombytes gen glob home
ignore_script_name import_file import_module importlib indent intern is_full is_prepared is_supported
isenabled item_separator itemsize iterdir iterencode key_separator kwds likely_names line load_all load_apps
load_on_demand lookup magic_table main_thread manage_script_name map_aliases missing_functions module
module_name mount_target mountpoint native_id no_default_app on_demand opt parse_parts pathsep plan
post_aliases prepare program psgi put_in_front pythonize read_text reader ready_line receive recvmsg requires
resting_collector reverse rsplit script_name sep serve_births shared_requires skipkeys sort_keys splitroot
startup_time syscall text_encoding threads_alive unwatched util vhost_host where ACCEPTING1 ACCEPTING1_ONCE
ACCEPTING_ONCE AGAIN AutoReload Body CLOSE CgiHandler Connection Cycle DESTROY DISCARD Dispatch EPOLLEXCLUSIVE
Farewell FastCgiStation FileWrapper FirstRequest Gate Guard HookPhase HttpStation KeptStation LEAVING
LINE_LIMIT LINGER LINGER_TIME MAX_HEAD MOMENT MOST_PARKED MemoryProbe NONE Next Offload Offloading OrderedDict
PARK_HEAD PARK_IDLE POST_FORK PeerTimeout Progress ProxiedStation PuwsgiStation REASONS Reloader Reply Request
RequestKind SIGURG ScgiStation Serving StaticFiles Station TCP_DEFER_ACCEPT TCP_NODELAY Tally Terms UWSGI
Worker WorkerSignals WsgiOptions _ADD_UP _BEGINNING _CODES _Call _Clean _Clock _EAGER _END _FIRST_LINES _HTTP
_LEADER_SLEEP _LEAST_BUFSIZE _LEAST_STACK _LINES _MAX_CODES _MAX_KNOWN _MAX_LINES _NOT_STARTED _OWN _PROTOCOLS
_READ _ROOM _ROUND _SHARE _SOBER _TEXTS _TOO_LONG _Total _WITH_VARS _accept _accepts _address _after_host
_after_memory _alone _answer_plain_requests _arrived _as_bytes _at _broken _broken_handler _buffer
_check_latin _check_names _check_pair _compile_default _compile_format _conditions _connection _core _current
_cycle _decode _decoder _deferring _dispatched _door _doors _dynamic _eager _engine_name _epoll _expected
_farewell _field _first_line _gate _handlers _hasten _head _headers _is_over _is_reload _kind _leaving _left
_limits _line _linger _longest_packet _make _map _master_pid _max_vars _mercy _method _moment _moments_from
_newborn _no_app _nodelay _not_accepted _offload _one_worker_at_a_time _own_headers _parked _pin_to_cpus _pos
_progress _protocol _read_size _refuse _reply _roomy _round _round_at _run_hooks _scheme _seat _second _send
_send_head _send_rest _serve_after_request _serving _shared _snapshot _sockets _stations _stop_now _sweep
_sweep_at _tail _take_back _tally _terms _turn_away _turns _until _vars _wait _wakeups _warned _welcome
_write_beginning _write_end _write_own _writer abandon add_headers advance affinity after_request allowed_cpus
allowed_modifiers app_id at at_end average base base_environ become_signalled big block body body_size
body_warning broken busy call_hook cgi_mode check_docroot checks chunked_limit chunked_timeout closes column
complete connector content_length core cpu_affinity cut_script_name decoder defers disable_sendfile
disable_write_exception dynamic_apps end_now errors_4xx errors_5xx exception_only fastcgi_modifier1
fastcgi_modifier2 finish forget_threads forwarded from_docroot full_status handlers head header_count
headers_size holds http_keepalive http_socket_modifier1 http_socket_modifier2 hurry ignore_sigpipe
ignore_write_errors import_all import_one imports inf ioerror is_asked_for isdisjoint isprintable keepalive
leave_gracefully length limit_post limits linger listener log_request logvars make_station maps maps2 math
max_requests max_requests_delta max_vars measure measuring micros modifier2 moment most_parked nodelay offload
pack_into packet_size park patience peer peer_line pin_worker pipe2 place plain_headers popitem post_fork
procname proxy_protocol read_vars received recycling refuse registered rem_header rem_headers remap_modifier
reply request_limit request_logger run_or_destroy scgi_modifier1 scgi_modifier2 sendfile sent serve_files
served serves serving shared_imports shut slow spent stack_size start_response station status status_code
strict sum surplus switches take_wire taken terms thread_stacksize thunder tolerance trusted unregister
user_harakiri var_count vars via wake wakeups watch whole wire with_traceback write_errors_exception_only
write_errors_tolerance write_exception wsgi wsgi_handler zero
"""

NAMES: Final = tuple(map(sys.intern, _TEXT.split()))
