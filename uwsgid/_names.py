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
BaseException OSError PeerError SCM_RIGHTS SIG_SETMASK SOL_SOCKET UwsgidError __name__ __qualname__
__setattr__ _exceptions _exit _held _house _run_exitfuncs array atexit bool close contextlib ctypes decode
dict encode errno flush fork get get_errno getattr hear i isinstance issubclass layout len list mask_signals
number numbers os partial pid signal simple size socket start stderr stdout strerror suppress surrogatepass
sys text zip CMSG_SPACE ConnectionError MAX_RECORD UnicodeDecodeError _CLOSE_ON_EXEC _RECORDS _has_stewards
_keeping _words_of_sibling fork_unnoticed frombytes is_for_steward itemsize receive recvmsg syscall unpack
unpack_from EmperorOptions Fork InternalError SENT_TO_GROUPS SIG_BLOCK StructError T _MAX_TEXT _defaults
_deliver _listed _sections _signal adopt bear born cast listdir pack prepare send settings str tag ticket
AF_INET AF_UNIX Ask BlockingIOError EJECT EMSGSIZE ERROR Exception Exit Flag KeyError LoadFailed Loaded
MOST_SOCKETS MSG_DONTWAIT Next None NotImplemented POLLIN PR_SET_CHILD_SUBREAPER PR_SET_NAME
ProcessLookupError RELOAD Ready SIGINT SIGKILL SOCK_SEQPACKET SOCK_STREAM SystemExit Terms TypeError
UnicodeEncodeError VACUUM ValueError _BATCH _PIECE __class__ __context__ __init__ __new__ _again _alarm
_asked _boundary_ _check _clear _clock _closed _create_ _date _end _first _format _inherited _io_refs
_keeper _kernel _known _libc _live _lives _member_map_ _missing_ _pipe _real_close _say _settle _socket
_sockets _sys _tell _terms _value2member_map_ _value_ _vassals _wait _write about addressof append apps
audit backslashreplace be_steward be_vassal begin bytes c_char chdir clear close_all code count
create_string_buffer descriptors detach due environb extend failed fileno fit flags float forget
forget_atexit format getpid hasattr inheritance int items join kill leave line look map max mercy min
monotonic next object part poll prctl print_exc put putenv range react reason register reload remove replace
rest return run say select serves serving set_process_name set_thread_name set_title set_wakeup_fd
setblocking setdefault since socketpair sockets stop surrogateescape syscalls tell terms time titles
traceback tuple type vacuum value values what write_memory Born CLONE_THREAD Deliver EMFILE Failed Leave
Retire Spawn _NO_SIBLINGS _WENT_WRONG _bear_sibling _call_midwife _close_all _fork_steward is_alone
is_prepared unshare APP_FAILED BECOMES_MASTER BRUTAL CONFORM ChildProcessError Duty END_INSTANCE Enum
ExitStatus KEEP Known LoneWorker NameError Nobody Pause RELOAD_BRUTALLY RESPAWN REST STOP STOP_GRACEFULLY
STRICT Steward ToVassal USUAL Verdict WCOREDUMP WEXITSTATUS WIFSIGNALED WNOHANG WTERMSIG _ASKS _CHILD_ENDED
_INSIST _ORDERS _all_bits_ _be_vassal _bear _bury _channel _code _deaths _dismiss _doom _duty _end_now
_flag_mask_ _hands_over _has_emperor _has_served _have _hear _hear_emperor _heed_signals _is_ending
_iter_bits_lsb _iter_member_ _judge _may_tell _member_type_ _miss _name_ _nobody _numeric_repr_ _paused
_proceed _say_end _singles_mask_ _sleep _status_of _take_over _wake _weigh _workers bin bit_length
clear_away coming complaint core_dumped crashed died ended heard is_ready lose_emperor more next_at
notice_fork outcome pidfd recv set_child_subreaper stop_brutally talk told_at verdict waitpid wants_master
worker ABSTRACT ACCEPTING ACCEPTING1 ACCEPTING1_ONCE ACCEPTING_ONCE AFTERWARDS AF_INET6 AGAIN ANY AS_ROOT
AS_USER AS_VASSAL AS_VASSAL_BEFORE_DROP Address AddressError AddressFamily AlarmOptions AllInOne Answer
Answers App AppError Apps AttributeError AutoReload BARE BATCH BIRTH BODY BOM_UTF16_BE BOM_UTF16_LE BOM_UTF8
BOOT BORN BOUND BUILT_IN BYTECODE_SUFFIXES BannerFacts BinaryPatch Birth Board Bodies Body Boot Bridge
BufferedWriter BytesWarning CLONE_NEWUSER CLOSE CLOSERS COMMAND_LINE CONTENT_LENGTH COPIED Call Capabilities
CgiHandler CgiOptions Cgroups ConfigError Confinement Connection Conversation Cycle DEFAULT DEFAULT_SECTION
DESCRIPTOR DESTROY DIE_ON_TERM DIRECTORY DISCARD DefaultLines DeprecationWarning DescriptorLogger Directive
Dispatch Door EADDRINUSE EMPEROR_FD EMPEROR_FD_CONFIG EMPEROR_PROXY EMPTY END ENDINGS ENDS_NOW ENVIRONMENT
EPOLLEXCLUSIVE EPOLLIN EXILE Early Endings EvalTarget ExtensionFileLoader FAILED_APP FALSE FATAL FD_CLOEXEC
FILE FILE_ENDINGS FILE_PREFIX FIRST_ACTIVATED FLAG F_GETFD F_SETFD Facts Family Farewell FastCgiStation
FileFacts FileIO FileNotFoundError FileTarget FileWrapper FirstRequest FromEmperor GROUP GROUPS_KEPT Gate
Gateway Giver Grievances Guard HARAKIRI_WITHOUT_BUFFERING HEADERS HONOURED HTTPS HTTP_X_FORWARDED_FOR Habits
Handlers Harakiri HeldLines HookFailed HookPhase Hooks Household Http HttpStation Https I IGNORE IMMEDIATE
IMPLIED INET INET6 INETD INI INITIALIZED INTERPRETER IN_FALLBACK IPPROTO_TCP IServiceCollection Identity
ImportError IndexError Inherited Instance Isolation ItemsView JSONDecodeError JSONDecoder Jails Judgement
KINDS Kept KeptStation Kernel KernelError KeyboardInterrupt KeysView LATE LEAVING LINE_LIMIT LINGER
LINGER_TIME LISTEN_FDNAMES LISTEN_FDS LISTEN_PID LIVE LOADED LOADERS LONE_WORKER LOYAL LeaveNow Lexicon Life
Limits LineObserver Lines Listener LoadOutcome Loader Lock LockTable LogFile LogMaster LogOutlets LogStream
Logs Lookup MARK MASTER MAX_HEAD MAX_PATH MAYBE MERCY MFD_CLOEXEC MISSING MODIFIER MODIFIER1 MOMENT
MOMENT_REST MOST_PARKED MOUNTPOINT Magic Manhole Master MemoryLimits MemoryProbe Mistake ModuleSpec
ModuleTarget Moment Mounting MultiService NAME NONE NOTHING NOTHING_TO_DO NOT_FOR_VASSALS NOT_OPTIONS
NamespaceLoader Namespaces Newborn NotImplementedError OF_CHILDREN OK OPENERS ORDER O_CLOEXEC O_DIRECTORY
O_NONBLOCK O_RDONLY O_RDWR Occasion Offload Offloading OneShot Opened OrderedDict Origin OverflowError
PAGESIZE PARK_HEAD PARK_IDLE PATIENCE POST_APP POST_FORK POST_JAIL PRE_APP PROGRAM PROTOCOLS PROXY_NAME
PR_SET_PDEATHSIG PYTHONPATH Parsed PartlyKept Path PathKind PeerTimeout Perl PerlApps PermissionError Phase
Pipeline Place Plan Positional Privileges Processes Progress ProxiedStation PuwsgiStation PythonApps
PythonHome Questions READY REASONS RECORD REFUSED RELOADS REMOTE_ADDR REMOTE_USER REQUEST_METHOD REQUEST_URI
RLIMIT_AS RLIMIT_NOFILE RLIMIT_NPROC RLIM_INFINITY ROLE RUNNING_AS_ROOT Reading Recycling Reloader Reply
Request RequestKind RequestLog RequestOptions RequestOutlets Ruby RubyApps RuntimeError SCRIPT
SEATS_PER_SLOT SEED SERVER_NAME SERVER_PORT SERVER_PROTOCOL SHARED SIGHUP SIGQUIT SIGTERM SIGTSTP SIGTTIN
SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGWINCH SIG_IGN SIG_UNBLOCK SOURCE_SUFFIXES SO_ACCEPTCONN SO_RCVBUF
SO_SNDBUF SPAWNED SPEAKS SPOOL_IGNORE SPOOL_OK SPOOL_RETRY SSH STANDARD STARTED_AS STDERR STEPS STILL_ROOT
SWAPPED SYSTEMD S_ISSOCK Scene ScgiStation ServerLines Service Serving Settings Shell Site SocketFacts
SocketKind SocketSpec Sockets SourceLoader Starter StaticFiles Station Stats StopIteration Strictness
Support TCP_DEFER_ACCEPT TCP_NODELAY TRUE Takes Talk Tally Target TextIOWrapper ToEmperor TunTapDevice
TunTapRouter UNIX UNKNOWN UPSTART UPSTART_EVENTS UPSTART_FDS UPSTART_JOB UWSGI UWSGI_ UWSGI_EMPEROR
UWSGI_EMPEROR_FD UWSGI_SCHEME Unknown UnknownMember UserLocks UwsgiModule VALUE VARIABLE VASSAL_ VERSION
VERSION_INFO VassalFacts VassalOptions VassalStart Waits Warden When Who Words Worker WorkerLogs
WorkerOutlets WorkerSignals WsgiOptions Zerg ZergPools _ _ADD_UP _ADOPTION_TAKES _App _BAR _BEGINNING _BLANK
_CELL _CODES _CORE_COLUMNS _Call _DEEPEST _EAGER _END _Entry _FAREWELL _FIELDS _FIELD_CLASSVAR
_FIELD_INITVAR _FIRST_LINES _FIRST_REACTIONS _FOR_MASTERS _FOR_VASSALS _GeneratorContextManager _HARMLESS
_HTTP _How _Hundred _Immediately _KEEPERS _KEPT _KSM_RUN _LEADER_SLEEP _LEAST_BUFSIZE _LEAST_STACK _LINES
_LONGEST _Loader _MAX_CODES _MAX_KNOWN _MAX_LINES _MAYBE _MOST_DESCRIPTORS _MSECS _MutableMapping__marker
_NOTHING_MORE _NOT_STARTED _NUMBERS _OF_THE_WORKER _OPT _OWN _Opening _POPULATE _PREFIX _PROTOCOLS _PYCACHE
_Place _READ _READ_ONCE _ROOM _ROUND _Reader _SEAT_COLUMNS _SHARE _SLOT_COLUMNS _SOBER _Step _TEXTS
_TRANSITION _TWO_DIGITS _UncachedLoader _VARIABLE _WITH_VARS _When __ __cached__ __cause__ __dict__ __doc__
__file__ __getitem__ __loader__ __package__ __path__ __spec__ __stderr__ __stdout__ __traceback__
__version__ _abstract _accept _accepts _act _add _add_in_block _add_positional _adopt _after_host
_after_memory _allow _allow_all _alone _answer _answer_plain_requests _answers _app _app_of _append
_applications _apps _arrived _as_bytes _aside _at _attach _autoip _be_distinct _be_the_emperor _be_the_seed
_be_who_is_wanted _become _beside _bind _blacklist _block _board _boot _bootstrap _bootstrap_external
_bridge _broken _broken_handler _buffer _buffers _by_mountpoint _by_name _cached _call
_call_with_frames_removed _callable _callables _cells _check_already _check_arg_types _check_latin
_check_names _check_pair _choose_only _complain_of_missing _conditions _configuration _configure _connection
_content _convert _core _current _custom _cycle _data _datagrams _debug _declare _declared _decode _decoder
_deeper _default_decoder _deferring _device _directives _dispatched _djb33x _do _door _doors _dynamic _eager
_emperor _end_of_input _endings _engine_name _enter _enter_home _entered _entries _enum_to_int _environ
_epoll _exit_code _expand _expected _facts _failed _fall_back _farewell _fd _field _field_type _find
_first_line _firsts _fit _flags _forbid _forbid_nothing _foreign_endings _forwarded _fresh _full_name _gate
_get_cached _get_sep _get_supported_file_loaders _give_up _given _grievances _group _guard _handlers
_harakiri _hasten _head _headers _heard _here _hooks _household _hows _implied _imply _in_line _index_of
_inet6 _init_module_attrs _inject_after _inject_before _instance _int_to_enum _intenum_converter
_internalReaders _io _is_dataclass_instance _is_open _is_over _is_reload _isolation _join _keep_quiet _kept
_kind _last _late _lay_pipe _leaving _left _letters _lexicon _limits _line _lines _linger _link _listen
_load _load_plugins _loader _lock _loggers _logs _long _longest_first _longest_packet _main_thread
_make_ambient _manholes _map _mapped _mapping _master _master_pid _max_vars _members _mercy _micros _mistake
_moment _moments_from _most _names _native_id _new _new_module _newborn _no_app _nodelay _not_accepted _note
_note_fallback _note_unknown _now _number _numbered _observers _occasion _odd_boolean _of_path
_of_the_living _offload _one_shot _one_worker_at_a_time _open _options _or_give_up _original _origins _os
_others _otherwise _outlets _own_headers _owner_of_the_log _parked _pass_over _patch _path _path_isabs
_path_join _path_normpath _path_split _pending _permissions _pin_to_cpus _place _placed _plain _plain_lines
_plugins_of_program _poller _port _pos _prefixes _print _problem _problems _processes _progress _promised
_protocol _queues _read _read_envdir _read_size _ready _real _refork _refuse _refuse_twice _reloader _reply
_report_failure _requests _resolve _rest _room_for_lines _roomy _round _round_at _run_hooks _run_start_hook
_said_of _scheme _sealed _seat _send _send_head _send_rest _send_whole _serve _serve_after_request _serving
_set _set_fileattr _set_native_id _set_placeholder _set_variable _settings _sha512 _shared _shell _sieve
_signals _site _slot _snapshot _start _starter _stations _stdout _step _steward _stop_now _sweep _sweep_at
_systemd _take_back _tally _target _terminal _threads _title_area _to_log _told _took _torn _turn_away
_turn_on_implied _turns _uninitialized_submodules _unit _unix _unlink_stale _unreadable _unsaid _untold
_upstart _used _user _value _values _vars _wakeups _wanted _wants_a_master _warned _warnings _welcome _when
_whitelist _whole _whos _with_next _words _write_beginning _write_end _write_own _writer abandon abspath
abstract accept act act_late actions add addObserver add_gid add_header add_headers address address_space
addresses adoptable advance affinity after after_req_hook after_request aliases all allowed_cpus
allowed_modifiers also announcement any any_records any_requests api api_functions app_exceptions app_id
app_requests application applications apply_descriptors apply_limits apply_priority args arguments argv
as_bytes asap ascii ascii_decode ask asked async at_end at_exit attach attach_parameters attempt attend
auto_port auto_procname average avg_rt backlog_line banner banner_lines bare base base_environ basename
become become_now become_server_of_births become_signalled become_the_owner become_the_user before
begin_as_first binary binary_path bind bind_shared bind_sockets bind_tcp bind_unix binsh bits block board
body body_size body_warning boot booted broken buffer buffer_size buffering_line buffering_size bufsize
built busy bytearray cache_from_source cache_tag cached call_hook callable calls cap capabilities catalog
cgi_mode cgroup change_root change_roots change_user changes_root channel chdir2 cheaped check check_backlog
check_docroot check_tyrant check_without_root checks chmod choose_shell chown chroot chunk chunked_limit
chunked_timeout cleanup close_leftovers close_the_reactor close_unclaimed closed closes code_of codecs
collect column columns combined comm command command_socket commands compile compile_format complete config
config_formats config_sources configuration configure configured confine connect connect_and_read connector
content_length convert copy core core_requests cores cpu_affinity cpu_count cpus create_module ctime current
customs cut_script_name cwd d daemonize daemonize2 data dataclasses date date_format deadline death_signal
decide declared declared_sections decodekey decoder decodevalue default defaults deferred defers delattr
describe describe_apps descriptor detect_encoding device devices devnull die_on_term die_with_the_emperor
dies_with_parent difflib digest directive directives directories directory disable disable_sendfile
disable_write_exception discard dispatch done drain drive drop drop_after_apps drop_after_init drop_at
drop_calls dump_options dup dup2 dynamic_apps early else emperor emperors enable enable_threads enabled
encodekey encoders encodevalue encoding end end_now endings endswith engine_list enter enter_directory
enter_jails enter_late_directory enters_a_jail entry_points enumerate env envdir environ environment
environment_options epoll errors escape eval evil_as evil_rss exception_only exceptions exec exec_module
executable execute execute_post_fork executes exists exit exit_code exit_on_reload expand expect_answer
expected extension facts fail fallback family farewell faulthandler fcntl fd fdopen fetch fetch_bytes
fetch_failed field file file_writes filename files fill_jail fill_the_jail filter final_set find find_area
find_callable find_inherited find_out fingerprint finish first first_reduction follow_variable for_source
force_cwd forget_half_imported forget_threads forkbomb_delay format_exc format_of forwarded freeze
from_bytes from_docroot from_emperor from_settings from_text fromkeys frozenset fs_timeout fsdecode fsencode
fspath fstat full_status func functools furnish gateway_setups gateways gauss_next gc gen generation
genericpath get_close_matches get_code get_data get_filename get_native_id get_terminal_size getcwd getcwdb
geteuid getgid getgroups gethostbyname gethostname getppid getrlimit getsockname getsockopt getuid gid giver
glob globalLogPublisher go_on group group_name groups handlers harakiris has_config has_devices has_emperor
has_location has_outlived has_scheme has_socket hatch head header_count headers headers_size hear_signals
held help help_text here hijack hold_standard_descriptors hold_the_log home honour_stdin hook_list hooks
host hostname house household how_buffered http http_keepalive hurry id ignore_script_name ignore_sigpipe
ignore_write_errors immediate implementation implementedBy implies import_all import_file import_module
import_one importlib imports in_background in_request include index inf inherit inherited ini init
initgroups initialize inode insert install interface_timeout interfaces interval io is_asked_for is_custom
is_error is_flag is_full is_immediate is_inside is_jailed_at_boot is_of_the_boot is_package is_pattern
is_plain is_plain_file is_reload is_set is_socket is_tcp is_unix isabs isalnum isascii isdecimal isdigit
isdir isdisjoint isenabled iter iterdir jail jail2 jail_setups jailed jidfile join_by_proxy join_cgroups
json judge judge_reading keep keep_from_commands keep_in_memory keep_terminal keepalive kept kernel key keys
kind known ksm kwds label languages late_tls later_flags latin lazy lazy_apps leave_behind leave_gracefully
leave_twistd length lent likely_names limit_bounding limit_own limit_post limits lines lines_from lines_out
lines_round lines_wait linger list_monitors listed listen listener listeners listening listing lists live
live_alone live_in_jail load load_all load_apps load_on_demand load_plugin loaded loader loader_state loads
loads_late local_address lock lock_lines lock_name lock_names locks log log_file log_request logger loggers
logs logvars lookup loop loop_engines lower lstrip machine magic_table main_thread make_station
manage_script_name many map_aliases map_workers mapped_line mappings maps maps2 mask_of master
master_as_root master_line master_pid math max_apps max_requests max_requests_delta max_vars meaning measure
measuring memfd_create memory_report memoryview mercy_line merge_memory merge_pages method micros
min_lifetime missing_functions missing_section mlockall mmap mode mode_line modifier1 modifier2 module
module_from_spec module_name modules moment moment_of monitors_of most_parked mount mount_target mountpoint
mountpoints mounts mtime name name_process named namedServices names namespaces native_id nearest need_app
never_swap no_default_app no_defer_accept no_initgroups no_new_privs no_server node nodelay nodename
normpath note notices now null o object_hook object_pairs_hook observer odspcenxij of of_this_process
offload offloaded_requests on_demand on_demand_directory only open open_code open_descriptors
open_destination open_late open_manhole open_namespaces opener opt optimize option options ord origin
original others overwritten own_standard_streams owner_ids pack_into packet_size padded page_line parameters
parent park parse parse_address parse_constant parse_float parse_int parse_kept parse_variable partition
past_exceptions past_requests past_running_time past_tx patch path path_sep path_separators paths pathsep
patience pause paused peer peer_line perform phase phase_of pidfd_open pidfile pidfile2 pin_worker pipe
pipe2 pipeline pivot pivot_detach pivot_root place placeholders places plain plain_headers plain_logger plan
plshell plugin plugin_list plugins policy_of pools pop popitem port post_aliases post_buffering post_fork
post_fork_hook preforking preopen present priority privilege_step privileged privilegedStartService
privileged_command problem problems processes procname program protocol prove_dropped proxy_protocol psgi
put_in_front puwsgi pycache_prefix python pythonize q r rack rails random raw_decode rb rcvbuf
react_as_a_new_program reaction_to reactor read read_again read_all read_elsewhere read_envdir read_errors
read_file read_pidfile read_text read_the_log read_vars reader reading reads_directive ready_line received
reconfigure records recycling refork refork_as_root refork_post_jail reforks refuse refused registered
rejected release reload_mercy reload_on_as reload_on_rss rem_header rem_headers remaining remap_modifier
removeObserver removeprefix removesuffix reopen reply request request_encoders request_kind request_limit
request_log request_logger request_loggers request_pipe request_size request_writer requests requires
reserve_without_null resolve resolve_group resolve_identity resolve_user resource respawns resting_collector
restore returncode reversed rfind rlimits role roles routed_requests routers rpartition rsplit rss rstrip
ruby run_hooks run_last_hooks run_or_destroy run_program running_time safe_fd safe_pidfile safe_pidfile2
say_statistics say_traceback scan scan_once scheme_of schemes script_name seat seats seccomp section
sections seed send_fds send_parts sendfile sendmsg sent serve serve_files served servers services set
setName set_blocking set_inheritable set_no_new_privs set_parent_death_signal set_placeholders
set_process_title setattr setgid setgroups setns_socket setsockopt settings_of settle settle_descriptors
settle_stdin setuid shared shared_imports shared_requires shell shell_once show_config shown shut shutil
signal_pidfile signals sit_down site skip skip_atexit skip_zero slot slots snapshot snapshots sndbuf
sockaddr socket_facts socket_timeout somaxconn sort sorted source source_to_code sources spawned
spec_from_file_location specs spellings spent split split_section splitlines spoken_with_workers spreads ssh
st_dev st_gid st_ino st_mode st_mtime_ns st_size st_uid stack_size stands_in start_hook start_lines
start_response started started_as starter startswith startup_time stat static_requests station stats status
status_code step_of_a_newborn steward strict strip sub submodule_search_locations subprocess substitute sum
super support surplus switches sysname system take take_back_pidfiles take_environment take_requests
take_the_place take_wire taken takes tally target test text_of thread_stacksize threaded threading threads
threads_alive throw thunder thunder_lock time_ns timeout titled to to2 toggle_pause tolerance total_requests
totals translate trigger trusted try_module tx tyrant_initgroups tzset uid umask umounts uname unenv unlink
unprivileged unprivileged_command unregister unsetenv unshared unshared_later until unwatched update upper
uri usage used_placeholders user user_harakiri user_lock_names user_name util uwsgi uwsgi_ uwsgid var_count
variables vars version vhost vhost_host via vsz w wait wait_for wait_for_adoption wait_for_interface
wait_for_path wait_for_socket waiting_lines waits wake wakeups warn warning warnings watch welcomed where
who whole wire wishes_of with_a_way_for_gateways with_port with_traceback with_value word worker_line
worker_mercy workers wrapper wrapper_fallback wrapper_override write write_errors
write_errors_exception_only write_errors_tolerance write_exception write_one write_pidfile writer wsgi
wsgi_handler x xml zygote
"""

NAMES: Final = tuple(map(sys.intern, _TEXT.split()))
