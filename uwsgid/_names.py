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
BaseException Born EJECT Exception Failed Flag Fork InternalError KeyError Leave MAX_RECORD NotImplemented
OSError PeerError SCM_RIGHTS SENT_TO_GROUPS SIG_BLOCK SOL_SOCKET StopIteration StructError T TypeError
UnicodeDecodeError UwsgidError ValueError _MAX_TEXT _MOST_DESCRIPTORS _RECORDS __class__ __context__
__name__ __new__ __qualname__ __setattr__ _boundary_ _check _create_ _defaults _deliver _exceptions _exit
_held _house _libc _listed _lock _member_map_ _missing_ _run_exitfuncs _sections _signal _sys
_value2member_map_ _value_ acquire addressof argv array atexit audit born bytearray bytes c_char cast close
contextlib create_string_buffer ctypes cwd decode dict encode end environ errno flush get get_errno getattr
getpid gid hear home i int isinstance issubclass layout len list listdir mask_signals name number numbers
object os pack partial pid prctl program send settings signal size socket start startswith stderr stdout str
strerror suppress surrogatepass sys tag text ticket tuple type uid unpack unpack_from value values zip
EmperorOptions JSONDecodeError JSONDecoder PyOS_AfterFork_Child PyOS_AfterFork_Parent PyOS_BeforeFork
SIG_SETMASK VassalStart _default_decoder _keeping _python adopt adoptable c_void_p detect_encoding from_text
has_config has_socket json loads namespaces object_hook object_pairs_hook parse_constant parse_float
parse_int raw_decode release scan_once CLONE_THREAD CMSG_SPACE ConnectionError Deliver EMFILE
MSG_CMSG_CLOEXEC Retire Spawn _close_all _member_type_ bear frombytes is_alone is_prepared itemsize prepare
receive recvmsg unshare ACCEPTING AF_INET AF_UNIX AddressFamily Answers AppError Ask AttributeError BIRTH
BOOT BORN BOUND BlockingIOError Bodies BufferedWriter BytesWarning CgiOptions DEFAULT DeprecationWarning
EPOLLIN ERROR Endings Exit Facts Harakiri HookFailed Hooks INITIALIZED INTERPRETER IPPROTO_TCP ImportError
IndexError InterruptedError KeyboardInterrupt LEAVING LOADED LOYAL Limits LoadFailed Loaded Lock LockTable
LogStream Magic Manhole MemoryLimits Moment Mounting NAME Next None O_CLOEXEC O_NONBLOCK O_RDONLY Occasion
Offloading PATIENCE PR_SET_NAME PR_SET_PDEATHSIG Pause PerlApps Phase Privileges ProcessLookupError
Processes PythonApps READY RECORD RLIMIT_NOFILE RLock Ready Recycling RequestLog RequestOptions RuntimeError
SIGHUP SIGKILL SIGTERM SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIG_UNBLOCK SOCK_STREAM S_ISREG
Scene ServerLines Shell Sockets SystemExit TextIOWrapper UnicodeEncodeError UnknownMember WorkerOutlets _
_BATCH _CELL _CRLock _IterationGuard _MainThread _PyRLock __init__ __stderr__ __stdout__ __traceback__
__version__ _active _active_limbo_lock _add _again _allocate_lock _answer _answers _arrived _at_fork_reinit
_at_fork_reinit_lock_weakset _board _bridge _by_name _call _call_with_frames_removed _check_arg_types _clear
_closed _commit_removals _cond _dangling _data _date _descriptor _djb33x _end _endings _enumerate _fd _first
_format _get_sep _group _guard _harakiri _heard _household _ident _intenum_converter _internalReaders
_io_refs _is_stopped _iterating _kept _kernel _last _limbo _lines _load _logs _main_thread _members _mercy
_most _names _now _of_path _open _outlets _part _path _path_normpath _pending_removals _poller _processes
_promised _queues _ready _real_close _reloader _requests _reset_internal_locks _rest _say _settings _sha512
_shared _shell _shutdown_locks _shutdown_locks_lock _signals _slot _socket _start _started _stop _terminal
_threads _to_log _told _tstate_lock _user _wait _waiters _warnings _write about abspath actions add
add_header address after any any_records any_requests app_requests append apps args attempt attend
auto_procname avg_rt backslashreplace become_the_user begin binary board bool buffer buffer_size
buffering_size bufsize callable calls channel chdir chown clear close_all closed code code_of commands
config_sources configured copy core_requests cores count cpu_count cpus ctime current data date date_format
deadline decodevalue default detach difflib digest directives disable discard drain drive drop_after_apps
drop_after_init due enable encodekey encoders encoding end_now endswith enter enter_directory enters_a_jail
enumerate environb epoll errors evil_as evil_rss exceptions executable execute exists exit_code extend fail
failed family farewell faulthandler fd fileno find finish first fit flags float for_source forget_atexit
format format_exc from_bytes from_emperor fromkeys frozenset fsdecode fsencode fspath fstat func gauss_next
gc generation genericpath get_close_matches get_ident getcwd getcwdb geteuid getgid getrlimit getsockopt
getuid group has_emperor has_scheme hasattr hostname house household http import_module importlib in_request
index inf initialize install interval io is_plain_file is_reload isabs isascii isdecimal items iter join
keep_in_memory kept kernel kind languages lazy lazy_apps leave line lines lines_from lines_out lines_round
lines_wait listeners load loaded loads_late lock lock_name locks log loggers logs loop loop_engines lower
lstrip map master master_as_root master_pid max max_apps max_requests memory_report mercy method min
min_lifetime missing_functions mlockall modules moment_of mounts name_process names need_app never_swap next
nodename normpath now o odspcenxij of of_this_process open ord origin own_standard_streams parent parse part
partition past_requests path paths pause paused phase phase_of pidfd_open pipe plugins poll pop port
post_buffering print_exc privilege_step processes protocol putenv r rack rails range rb react reactor read
read_errors reader reason reconfigure records recv ref register registered rejected reload reload_on_as
reload_on_rss remove removesuffix replace request_encoders request_kind request_log request_loggers
request_pipe requests resolve resource rest return reverse reversed rfind role rpartition rstrip run
running_time s say say_statistics scheme_of seat seats seed select serve set set_blocking
set_parent_death_signal set_process_name set_process_title set_thread_name set_title set_wakeup_fd
setblocking setdefault setsockopt settle site slot slots snapshot snapshots socket_timeout sorted source
split st_ino st_mode started starter stat strict strip struct sub super surrogateescape syscalls take
threading threads throw time time_ns timeout titled titles toggle_pause total_requests traceback tx umounts
uname unregister update user user_lock_names variables version w waiting_lines waits weakcontainer welcomed
what worker_mercy workers write write_errors write_memory writer x zygote zygote_works ENOSYS
PR_GET_TID_ADDRESS _CLONE_ARGS _CLONE_CHILD_CLEARTID _CLONE_CHILD_SETTID _CLONE_PARENT _NO_SIBLINGS
_SYS_CLONE3 _WENT_WRONG _bear_sibling _call_midwife c_long fork_sibling syscall ABSTRACT AFTERWARDS AF_INET6
AF_NETLINK ANY APP_FAILED AS_ROOT AS_USER AS_USER_ATEXIT AS_VASSAL AS_VASSAL_BEFORE_DROP AWAKE Address
AddressError AllInOne AlreadyCalled AlreadyCalledError AlreadyCancelled Answer Any Awaitable B BARE BASE
BATCH BEFORE BOM_UTF16_BE BOM_UTF16_LE BOM_UTF8 BRUTAL BUILT_IN BUSY Backoff BannerFacts BinaryPatch Birth
Board Boot C CLD_DUMPED CLD_EXITED CLONE_NEWUSER CLOSERS COMMAND_LINE CONNECTION_DONE CONNECTION_LOST Call
Capabilities Cgroups Channel CheapMode CheckRound CheckedMounts Child ClassVar ConfigError Confinement
ConnectionResetError ContextTracker CoroutineType DEFAULT_SECTION DESCRIPTOR DIE DIRECTORY DebugInfo
Deferred DeferredList DelayedCall Departure DescriptorLogger Directive Door EADDRINUSE EAGAIN EINTR
EMPEROR_FD EMPEROR_FD_CONFIG EMPEROR_PROXY EMPEROR_RELOAD EMPEROR_STOP EMPTY END_INSTANCE ENVIRONMENT EPERM
EPOLLOUT EPollReactor EXILE EXTRA Early EmperorProxy ExitStatus ExitWatch FAILURE FALSE FD_CLOEXEC FILE
FIRST_ACTIVATED FLAG F_GETFD F_GETFL F_SETFD F_SETFL Failure Family Fifo FifoFiles FileFacts
FileNotFoundError Final FirstError ForwardRef FromEmperor GO_ON GROUP GROUPS_KEPT Gateway Gateways
GeneratorType Generic GenericAlias Giver Grievances HARAKIRI_WITHOUT_BUFFERING HEARD HEARTBEAT HONOURED
Habits Handing Handlers HookChain Household Http Https I ILogContext ILogObserver IMMEDIATE IMPLIED INET
INET6 INETD INI INVALID_WHILE_DESERIALIZING IN_FALLBACK IReactorThreads IReactorTime IServiceCollection
Identity Idle IdleWatch Inbox Inheritance Inherited Instance Intake InvalidLogLevelError Isolation ItemsView
Jails Java Judgement KINDS Kept Kernel KernelError KeysView L LATE LEAST LISTEN_FDNAMES LISTEN_FDS
LISTEN_PID LIVE LOADERS LeaveNow Leftovers Lender Lexicon Liaison Life LineObserver Lines Listener
LiteralString Loader LogFile LogIntake LogLevel LogMaster LogOutlets LogTrace Logs LoopingCall Loyalty MARK
MASTER_START MAX_PATH MAYBE MERCY MFD_CLOEXEC MISSING MOST MOUNTPOINT ManholeOptions Master Memory Microsoft
Mistake ModuleNotFoundError MountCheck MultiService NOTHING NOTHING_TO_DO NOTIFY_SOCKET NOT_FOR_VASSALS
NOT_OPTIONS NO_BINDING NameError Namespaces Never NoCurrentExceptionError NoReturn NoTransition Nursery
OBSERVER_DISABLED OF_CHILDREN OLD_AGE ON_FREEBSD OPENERS ORDER O_DIRECTORY O_RDWR OneShot OpenVMS Opened
Origin Orphans OverflowError P PAGESIZE POLLIN POST_JAIL PROTOCOLS PROXY_NAME PR_SET_CHILD_SUBREAPER P_PIDFD
Parsed PartlyKept PathKind PermissionError PipeReader Pipeline Positional PosixReactorBase Protocol Q
Questions Queues R REFUSED RELOAD RELOADS RELOAD_BRUTALLY RESPAWN REST RLIMIT_AS RLIMIT_NPROC RLIM_INFINITY
ROLE ROOM RSS RUNNING_AS_ROOT ReactorAlreadyInstalledError ReactorAlreadyRunning ReactorNotRestartable
ReactorNotRunning Reading Reexec Reloads RequestOutlets Rereading Rests Roster RsyslogPackets SEATS_PER_SLOT
SEED SHARED SIGALRM SIGBREAK SIGCHLD SIGINT SIGQUIT SIG_DFL SIG_IGN SILENCE SLEEP SOCK_DGRAM SOCK_SEQPACKET
SO_ACCEPTCONN SO_RCVBUF SO_SNDBUF SPAWNED SPEAKS SSH STANDARD STARTED_AS STDERR STEPS STILL_ROOT STOP
STOP_GRACEFULLY SUCCESS SYSTEMD S_ISSOCK Self Service Settings Site SocketFacts SocketKind SocketSpec Sos
SosWatch Sources Stall Starter Statistics Stats StatsFactory StatsService Strictness Supervisor Support
TCP_INFO TOUCH TRUE Takes Target ToEmperor ToVassal Touch TouchFiles TouchWatch Touches Transitioner
TunTapDevice TunTapRouter TypeAlias TypedDataState UNIX UNKNOWN UPSTART UPSTART_EVENTS UPSTART_FDS
UPSTART_JOB UWSGI_ UWSGI_EMPEROR UWSGI_EMPEROR_FD UWSGI_HOOK_CONTEXT Undertaker UnixSignals Unpack UserLocks
VALUE VARIABLE VASSAL_ Vassal VassalFacts VassalOptions Verdict Vista W WEXITED WNOHANG WORKER Waits Warden
Watchdog When WindingDown Windows Words Workforce Z ZYGOTE Zerg ZergPools ZergServer ZergServing _ASKS
_A_LIFE _BIRTH _BLANK _BUSTLE _CONTINUE _CORE_COLUMNS _CORE_RECORD _COURTESY _CancellationStatus
_ChildSignalHandling _ComplexResolverSimplifier _ContinuousPolling _DEEPEST
_DEFAULT_DELAYED_CALL_LOGGING_HANDLER _DEFERRED_SUBCLASSES _DefGen_Return _DeferredListResultListT
_DummyThread _ENDS _Entry _FAREWELL _FIELDS _FIELD_CLASSVAR _FIELD_INITVAR _FIRST_REACTIONS _FOR_VASSALS
_Facts _GAIResolver _GenericAlias _INTERVAL _Immediately _KSM_RUN _LAST_WORDS _LONGEST _MAYBE _MOST_PENDING
_MultiSignalHandling _MutableMapping__marker _NEEDS_LOADING _NEEDS_ONE_PLACE _NETLINK_SOCK_DIAG _NLMSGHDR
_NLMSG_ERROR _NLM_F_REQUEST _NO_COOKIE _NO_FILEDESC _NO_RESULT _Opening _POLLFD _POLL_DISCONNECTED _POLL_IN
_POLL_OUT _PREFIX _Place _READ_ONCE _RQLEN _RTATTR _Reader _Registrar _SAYS _SEAT_COLUMNS _SEAT_PATIENCE
_SEAT_RECORD _SIGCHLDWaker _SLOT_COLUMNS _SOCK_DIAG_BY_FAMILY _SpecialForm _Step _SystemEventID
_TCPI_UNACKED _TCP_LISTEN_BIT _TRANSITION _ThreePhaseEvent _ThreePhaseEventTriggerHandle _UDIAG_SHOW_RQLEN
_UNIX_DIAG_MSG _UNIX_DIAG_REQ _UNIX_DIAG_RQLEN _VARIABLE _WITH_CONTEXT _Waker _WithSignalHandling
_WithoutSignalHandling __ __all__ __automat_automaton__ __automat_core__ __automat_data__
__automat_postponed__ __automat_transitioner__ __automat_type__ __await__ __getitem__ __origin__
__unpacked__ _abc_instancecheck _abc_subclasscheck _abstract _act _acts _addInternalReader _add_in_block
_add_positional _adopt _after _allow _allow_all _append _argv _aside _ask _asked _asleep _assertion _attach
_autoip _automaton _backoff _be_ready _be_the_emperor _be_who_is_wanted _beats _become _begin _bereave
_beside _bind _births _blacklist _block _boot _borrow _buffers _cached_setattr_get _callWithLogger
_callbacks _called_at _calls _can_wait_for_a_seed _cancelCallLater _cancellableInlineCallbacks
_cancellations _canceller _cbDeferred _cells _chainedTo _changes _changing _channel _cheap _check_already
_check_harakiri _check_lifetime _check_memory _check_mercy _check_methods _check_socket _checking _checks
_child _childWaker _clock _close _command _complain_of_missing _configure _content _continuation
_continueFiring _continuousPolling _convert _copy_context _custom _cwd _datagrams _debug _debugInfo _declare
_declared _deeper _deferred _deferredList _departure _descriptors _destroy _detonate _device
_die_of_idleness _die_on_term _directives _disconnectSelectable _doReadOrWrite _document _due _dummyID
_end_is_near _end_of_input _ended _ends _ends_now _enter _entered _entries _enum_to_int _enumerants _environ
_errorLoggerForObserver _eventTriggers _exit_code _expand _expecting _extrapolate _facts _fail _failthru
_failures _field_type _fill _find _finish _first_ended _firsts _fit _forbid _forbid_nothing _forget _fork
_forsaken _fresh _full_name _gateway_is_ready _gateways _getDebugTracebacks _getThreadPool
_get_machine_win32 _getaddrinfo _give_up _given _gotResultInlineCallbacks _grievances _groups _handing
_handle_fromlist _handler _has_one_lasting_worker _has_spare _hear _heartbeat _here _hooks _hopes _implied
_imply _in_a_thread _in_line _index _index_of _inet6 _inheritance _inherited _initThreads _initialState
_initialized _inject_after _inject_before _inlineCallbacks _insertNewDelayedCalls _installSignalHandlers
_installed _instance _int_to_enum _intake _intakes _interval _is_busy _is_dataclass_instance _is_open
_is_twisted _is_written _is_zombie _isolation _join _judge _justStopped _keep_quiet _knock _knocked _known
_last_ticket _late _late_seed _latest _lay_pipe _leave _leave_with_code _lender _letters _lexicon _liaison
_link _listen _listeners _live_once _living _load_plugins _loaded _loader _locks _log _loggers _long _look
_look_again _looks _loop _lose _lost _loyalty _makeSignalHandling _make_ambient _make_life _manhole _mapped
_mapping _master _measures _meet _memory _memory_of _miss _mistake _monotonic _moveCallLaterSooner _mtime
_name _nameResolver _name_ _need_app _new _newTimedCalls _node _not_for_children _note _note_apps
_note_cheaped _note_fallback _note_farewell _note_unknown _number _nursery _obey _observers _occasion
_odd_boolean _of_the_living _one_shot _options _or_give_up _orders _original _origins _orphans _otherwise
_over _owner_of_the_log _parent _pass_over _patch _paths _pending _pendingTimedCalls _permissions _place
_placed _plain _plain_lines _plant_spare _plugins_of_program _port _print _problem _problems _proc _proceed
_provide _proxy _queue_length _reactor _read _read_envdir _readers _reads _real _reallyStartRunning
_recycling _reexec _refork _refuse_twice _registerAsIOThread _reload_again _remove _removeAll
_removeInternalReader _reopens _repr _resolve _rests _room_for_lines _roster _runAtStart _runCallbacks
_run_last_hooks _run_start_hook _runningCallbacks _said_of _say_what _scheduleFrom _sealed _seed _seeds
_seen _selectables _send_away _sentries _serve _served _set _setCloseOnExec _set_placeholder _set_variable
_sieve _sigBreak _sigInt _sigTerm _signalHandlings _signalsFactory _since _site _size _sos _sources _spawned
_stall _startRunCallbacks _startedBefore _starter _state _stats _stdout _step _stopped _stopping _supervisor
_suppressAlreadyCalled _suspects _swapped _syscmd_ver _systemEventHandler _systemd _take_config _target
_tell_ready _then _thread _threadCallHandler _tickets _tidings _timers _title_area _told_of_apps _topHandler
_torn _touches _tracer _transitions _turn _turn_on_implied _turned _type_check _type_convert _uname_cache
_undertaker _unhandledTransition _unix _unix_queue _unknown_as_blank _unlink_stale _unreadable _unsaid
_untold _upstart _used _values _vassals _verdicts _wake _wake_up _wakerFactory _wanted _watch _whitelist
_whole _wind_up _winding_down _with_next _words _workers _workforce _write_old _writers _writes _zerg
_zygotes a abstract accept act act_late activate_delay active addBoth addCallback addCallbacks addErrback
addObserver addReader addService addSystemEventTrigger addTrigger add_gid address_space addresses all
all_busy all_loggers all_ready allows also announcement answer anywhere app_exceptions apply_descriptors
apply_limits apply_priority arguments asap ascii ascii_decode asked async attach attach_parameters auto_port
backlog backlog_line banner banner_lines bare basename be_the_seed be_vassal become become_cheap become_now
become_the_owner before begin_as_first bequest binary_path bind bind_shared bind_sockets bind_tcp bind_unix
binding binsh bits boot born_at buffering_line builder built builtins c c_ulong call callLater
callWhenRunning callWithContext callWithLogger call_for_zergs callback called cancel cancelled canceller cap
capabilities captureVars catalog cgroup chain change_root change_roots change_user changes_root cheap
cheaped check check_backlog check_interval check_size check_tyrant check_without_root checked child
child_born child_ended child_ready child_said children chmod choose_shell chroot cleanup clock
close_leftovers close_unclaimed co_filename co_name codecs collect columns combined command command_socket
complain complaint config config_formats configuration configure confine connect_and_read connectionLost
consumeErrors context contexts control convert core_dumped crash crashed creator ct currentContext
current_thread customs d daemonize daemonize2 dataclasses death_signal debug decide declared
declared_sections decodekey defaultContextDict default_int_handler defaults defer deferLater deferred
delayed_time departure descriptor descriptors device devices devnull did_well die die_on_term
die_with_the_emperor died dies_with_parent difference directive directories directory disconnectAll dismiss
disownServiceParent doIteration doRead doWrite done drains drop drop_calls dump_options dup dup2 during
early else emit emperor emperors enabled encodevalue end_is_near engine_list enter_jails entry_points env
envdir environment environment_options epollreactor err errback error exc_info executes exit exit_on_reload
exit_status expand expect_answer expected expecting extensions f f_code facts failResult failed_reloads
failure failuresHandled fall_back fallback fcntl fdesc fdopen fetch fetch_bytes fetch_failed field fifo
file_writes filename files fill_jail fill_the_jail filter filters filters_in_force final_set find_area
find_inherited find_out fingerprint finishedBefore finishedCount fireEvent fireOnOneCallback
fireOnOneErrback fireSystemEvent first_reduction force_cwd fork fork_asleep fork_late_seed forkbomb_delay
formatEvent format_of format_stack forsake frame free_seat fresh_reactor fromCoroutine fs_timeout furnish g
gateway_setups gateways generation_failed generation_loaded getContext getThreadID getThreadPool
getTraceback get_terminal_size getgroups gethostbyname getsignal getsockname gid_maps giver
globalLogPublisher go_on gone graceful_signal graceful_timeout group_name groups harakiri harakiris
has_conch has_devices has_lived has_outlived hash have heapify heappop heappush hear_signals heartbeat heir
held help help_text hire hold_standard_descriptors hold_the_log honour_stdin hook_list hooks host host_key
how how_buffered hup ident idle immediate implementedBy implies in_background inbox include info inherit
inheritance inheritance_of inherited ini init initgroups initialState inode insist inspect installHandler
installNameResolver installReactor installWaker interface_timeout interfaces internet invoker ioThread
isReading is_anew is_busy is_custom is_fatal is_flag is_forked is_immediate is_inside is_jailed_at_boot
is_of_the_boot is_pattern is_proc_ours is_ready is_set is_socket is_tcp is_unix is_vacant iscoroutine
isdigit isdir isfile isgenerator iterconstants jail jail2 jail_setups jailed java java_ver jidfile
join_by_proxy join_cgroups judge judge_reading keep keep_from_commands keep_terminal key keys kill killed
known known_pids ksm kw l label last late_option late_seed late_tls later_flags leave_twistd left lengths
lent let_go liaison life lifetime_limit limit_bounding limit_own list_monitors listed listen listening
listing lists live live_in_jail load_plugin local_address lock_lines lock_names logPrefix log_failure
log_file log_legacy log_level log_namespace log_trace logger longest look lstat machine main mainLoop many
map_workers mapped_line mappings mask_of master_line max_lifetime max_lifetime_delta maybeDeferred meaning
memfd_create memoryview mercy_line merge_memory merge_pages missing_section mmap mode mode_line modify
monitors_of most mother mountpoints mtime named namedServices namespace nearest net no no_defer_accept
no_initgroups no_new_privs no_server node not_born note note_who_serves notices notify null observer
offloaded_requests on_demand_directory one_less one_more open_descriptors open_destination open_late
open_namespaces opener option options orders original out_of_reach outputForInput overdue overwritten
owner_ids p padded page_line parameters parse_address parse_kept parse_variable passthru past_exceptions
past_running_time past_tx patch patient perform pidfd pidfd_send_signal pidfile pidfile2 pipeline pivot
pivot_detach pivot_root placeholders places platform platformType plugin policy_of pools posix posixbase
posixpath preforking preopen present priority private privileged privilegedStartService privileged_command
problem problems proceed process procname_master promote promoted prove_dropped proxy python q question
queue_length queue_threshold queues quit rcvbuf react_as_a_new_program reaction_to readFromFD read_again
read_all read_elsewhere read_envdir read_file read_pidfile read_the_log reading readlink reads_directive
reap reapAllProcesses reapProcess reapProcessHandlers record refork refork_as_root refork_post_jail reforks
refused registerAsIOThread reload_brutally reload_chain reload_for_emperor reload_mercy reload_workers
reload_workers_brutally reloads relpath remaining removals removeAll removeObserver removeReader
removeWriter remove_pidfile removeprefix reopen reopen_log repr request_size request_writer requiresData
rescue reserve_without_null resetter resolve_group resolve_identity resolve_user resolver respawns restore
result resultList returncode rewrite_pidfiles rlimits root rotate_log routed_requests routers routes rss
runUntilCurrent run_hooks run_last_hooks run_later run_program run_these running safe_fd safe_pidfile
safe_pidfile2 said said_ready samestat say_goodbye say_verbose scan schemes seccomp seconds section sections
see send_fds send_signal sendmsg sends_config sendto server_ended servers services setName setNonBlocking
setServiceParent set_child_subreaper set_inheritable set_no_new_privs set_placeholders setattr setgid
setgroups setns_socket settimeout settings_of settle_descriptors settle_stdin setuid shared show_config
shown shutdown shutil si_code si_pid si_status sigBreak sigInt sigTerm siginterrupt signal_pidfile signals
sit_down skip skip_zero sndbuf sockaddr socket_facts socketpair sockets somaxconn soon sort sources spare
spawned specs spellings split_section splitlines spoken_with_workers spreads ssh st_dev st_gid st_mtime_ns
st_size st_uid stall stand_up startRunning startService start_hook start_lines started_as started_with
starttime startup state static_requests statistics stats status_of step stop stopService stop_brutally
stopping storage strftime subprocess substitute succeed supervisor support supportsThreads suspects sweep
syslogs system table take_back_pidfiles take_config take_environment take_requests take_the_place takes
target tb tb_frame tb_lineno tb_next tell term test text_of threadCallQueue threadable threaded
threadingmodule throwExceptionIntoGenerator thunder_lock to to2 told told_at totals touched touches
transition trigger try_module tstp ttin ttou turned turnover tyrant_initgroups tzset uid_maps umask
uname_result unenv uninstall uninstalled unlink unprivileged unprivileged_command unset unsetenv unshared
unshared_later upper uri usage used_placeholders user_name usingThreads usr1 usr2 uwsgi_ uwsgid vacuum
vassal verbose verdict vsz wait wait_for wait_for_interface wait_for_path wait_for_socket waitid waitingOn
wakeUp waker want wanted warnAboutFunction warn_explicit warnings was_ready watch_child watchdog win32
win32_ver winch wishes_of with_a_way_for_gateways with_port with_value word worker_ended worker_line
worker_problems workforce worst wrapper wrapper_fallback wrapper_override write_one write_pidfile
write_pidfiles xml yes zeromqs zombie_children ACCEPTING1 ACCEPTING1_ONCE ACCEPTING_ONCE AGAIN App Apps
AutoReload BODY BYTECODE_SUFFIXES Body Bridge CLOSE CONTENT_LENGTH COPIED CgiHandler Connection Conversation
Cycle DESTROY DISCARD DefaultLines Dispatch EMSGSIZE END ENDINGS ENDS_NOW EPOLLEXCLUSIVE EvalTarget
ExtensionFileLoader FAILED_APP FAREWELL_GRACE FATAL FILE_ENDINGS FILE_PREFIX Farewell FastCgiStation FileIO
FileTarget FileWrapper FirstRequest Gate Guard HEADERS HTTPS HTTP_X_FORWARDED_FOR HeldLines HookPhase
HttpStation IGNORE KeptStation Knock LINE_LIMIT LINGER LINGER_TIME LoadOutcome Lookup MAX_HEAD MODIFIER
MODIFIER1 MOMENT MOST_PARKED MSG_DONTWAIT MemoryProbe ModuleSpec ModuleTarget NONE NamespaceLoader Newborn
NotImplementedError OK Offload OrderedDict PARK_HEAD PARK_IDLE POST_APP POST_FORK PRE_APP PROGRAM PYTHONPATH
Path PeerTimeout Perl Place Plan PosixPath Progress ProxiedStation PurePath PuwsgiStation PythonHome QUICK
REASONS REMOTE_ADDR REMOTE_USER REQUEST_METHOD REQUEST_URI Reloader Reply Report Request RequestKind Resume
Ruby RubyApps SCRIPT SERVER_NAME SERVER_PORT SERVER_PROTOCOL SIGURG SOURCE_SUFFIXES SPOOL_IGNORE SPOOL_OK
SPOOL_RETRY ScgiStation Serving SourceLoader StaticFiles Station Struct TCP_DEFER_ACCEPT TCP_NODELAY Tally
Terms UWSGI UWSGI_SCHEME Unknown UwsgiModule VERSION VERSION_INFO WindowsPath Worker WorkerLogs
WorkerSignals WsgiOptions _ADD_UP _ADOPTION_TAKES _App _BAR _BEGINNING _CODES _CONTROL _Call _EAGER _END
_FIRST_LINES _GeneratorContextManager _HTTP _How _Hundred _KEEPERS _LEADER_SLEEP _LEAST_BUFSIZE _LEAST_STACK
_LINES _Loader _MAX_CODES _MAX_KNOWN _MAX_LINES _NOTHING_MORE _NOT_STARTED _OPT _OWN _PIECE _POPULATE
_PROTOCOLS _PYCACHE _READ _ROOM _ROUND _SHARE _SHORT _SOBER _TAIL _TEXTS _TOO_LONG _TWO_DIGITS
_UncachedLoader _WITH_VARS _When _Who __cached__ __cause__ __dict__ __doc__ __file__ __loader__ __package__
__path__ __spec__ _accept _accepts _after_host _after_memory _alone _answer_plain_requests _app _app_of
_applications _apps _as_bytes _at _bootstrap _bootstrap_external _broken _broken_handler _buffer _busy
_by_mountpoint _cached _callable _callables _check_latin _check_names _check_pair _choose_only _conditions
_configuration _connection _core _count _current _cycle _decode _decoder _deferring _dispatched _door _doors
_drv _dynamic _eager _engine_name _enter_home _epoll _expected _failed _farewell _field _first_line _flavour
_foreign_endings _format_parsed_parts _forwarded _from_parts _gate _get_cached _get_supported_file_loaders
_handlers _hasten _head _headers _how _init_module_attrs _io _is_for_us _is_over _is_reload _kind _leaving
_left _limits _line _linger _log_size _lone_bytes _longest_first _longest_packet _manholes _map _master_pid
_max_vars _micros _moment _moments_from _new_module _newborn _no_app _nodelay _not_accepted _numbered
_offload _one_worker_at_a_time _os _others _own_headers _owner _pack _parked _parse_args _parts _path_isabs
_path_join _path_split _pin_to_cpus _pos _prefixes _prepare _progress _protocol _put _read_size _refuse
_reply _report_failure _room _roomy _root _round _round_at _run_hooks _scheme _seat _send _send_head
_send_rest _send_whole _serve_after_request _serving _set_fileattr _settle _snapshot _sockets _stations
_stop_now _str _sweep _sweep_at _tail _take_back _tally _tell _terms _text _turn_away _turns
_uninitialized_submodules _unit _until _value _vars _wakeups _warned _welcome _when _who _write_beginning
_write_end _write_own _writer abandon add_headers advance affinity after_req_hook after_request aliases
allowed_cpus allowed_modifiers altsep answer_knock api api_functions app_id application applications
as_bytes ask at_end at_exit average b base base_environ become_server_of_births become_signalled bid block
body body_size body_warning broken busy cache_from_source cache_tag cached call_hook cgi_mode chdir2
check_docroot checks chunk chunked_limit chunked_timeout close_the_reactor closes column comm compile
compile_format complete connect connector content_length core cpu_affinity create_module cut_script_name
decoder defers delattr describe_apps disable_sendfile disable_write_exception dispatch drop_at dynamic_apps
enable_threads endings enter_late_directory escape eval exception_only exec exec_module execute_post_fork
extension file find_callable follow_variable forget forget_half_imported forget_threads forwarded freeze
from_docroot from_settings full_status gen get_code get_data get_filename gethostname getppid glob handlers
has_location head header_count headers headers_size heard here hijack http_keepalive hurry id
ignore_script_name ignore_sigpipe ignore_write_errors implementation import_all import_file import_one
imports insert intern is_asked_for is_full is_package is_supported isalnum isdisjoint isenabled isprintable
iterdir keepalive kwds latin leave_gracefully length likely_names limit_post limits linger listener load_all
load_apps load_on_demand loader loader_state log_request logvars lookup magic_table main_thread make_station
manage_script_name map_aliases maps maps2 math max_requests_delta max_vars measure measuring micros
modifier1 modifier2 module module_from_spec module_name moment monotonic most_parked mount mount_target
mountpoint move_to_end native_id no_default_app nodelay nt offload on_demand only open_code open_manhole opt
optimize others pack_into packet_size park parse_parts path_sep path_separators pathsep patience peer
peer_line pin_worker pipe2 place plain plain_headers plain_logger plan plshell popitem post_aliases
post_fork post_fork_hook procname proxy_protocol psgi put put_in_front puwsgi pycache_prefix pythonize
read_text read_vars ready_line received recycling refuse register_at_fork rem_header rem_headers
remap_modifier reply request request_limit request_logger requires resting_collector roles rsplit ruby
run_or_destroy say_traceback script_name send_parts sendfile sent sep serve_births serve_files served serves
serving shared_imports shared_requires shell shell_once shut simple since skip_atexit source_to_code
spec_from_file_location spent splitroot stack_size start_response startup_time station status status_code
step_of_a_newborn submodule_search_locations sum surplus switches take_wire taken tally terms text_encoding
thread_stacksize threads_alive thunder tolerance trusted until unwatched user_harakiri util uwsgi var_count
vars vhost vhost_host via wait_for_adoption wake wakeups warn warning watch where whole wire with_traceback
worker write_errors_exception_only write_errors_tolerance write_exception write_first wsgi wsgi_handler
"""

NAMES: Final = tuple(map(sys.intern, _TEXT.split()))
