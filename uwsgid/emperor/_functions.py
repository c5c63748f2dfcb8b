"""The functions that the processes of a vassal call, see `uwsgid.emperor.gathering`.

The list is made by ``python -m tests.bench.names``.  A function that it lacks costs a page in each vassal,
one too many costs its length.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """\
contextlib: suppress.__enter__ suppress.__exit__ suppress.__init__
ctypes: create_string_buffer
enum: Enum.__new__ EnumType.__call__
typing: cast
uwsgid.config.settings: Settings.__getitem__
uwsgid.host.syscalls: _check
uwsgid.supervise.birth: leave
uwsgid.wire.control: Record.pack Record.pack.<locals>.<listcomp> __create_fn__.<locals>.__init__ unpack
json.decoder: JSONDecoder.decode JSONDecoder.raw_decode
json: loads
logging: _acquireLock _releaseLock
uwsgid.supervise.vassals: VassalStart.from_text __create_fn__.<locals>.__init__
enum: Flag.__or__
uwsgid.supervise.seed: is_alone receive serve_births
_weakrefset: WeakSet.__iter__ WeakSet._commit_removals _IterationGuard.__enter__ _IterationGuard.__exit__
_weakrefset: _IterationGuard.__init__
codecs: IncrementalEncoder.__init__ IncrementalEncoder.setstate
collections.abc: Mapping.get
logging: Handler._at_fork_reinit _after_at_fork_child_reinit_locks
os: _Environ.__getitem__ _createenviron.<locals>.encode _fscodec.<locals>.fsencode
posixpath: _get_sep abspath isabs join normpath split
random: Random.seed
socket: _intenum_converter socket.__init__ socket._real_close socket.close socket.detach socket.family
threading: Condition._at_fork_reinit Event._at_fork_reinit RLock Thread._reset_internal_locks _after_fork
threading: _enumerate
uwsgid.config.facts: Facts.of_this_process __create_fn__.<locals>.__init__
uwsgid.config.magic: Magic.for_source __create_fn__.<locals>.__init__ _djb33x _of_path
uwsgid.config.magic: _of_path.<locals>.<dictcomp> _of_path.<locals>.<listcomp>
uwsgid.config.sources: has_scheme scheme_of
uwsgid.door.background: Starter.begin Starter.close
uwsgid.door.boot: Boot.household
uwsgid.door.streams: LogStream.__init__ _to_log own_standard_streams
uwsgid.hooks.options: Hooks.any
uwsgid.hooks.running: run
uwsgid.host.kernel: Kernel.set_process_name
uwsgid.host.limits: keep_in_memory
uwsgid.host.locks: LockTable.__getitem__
uwsgid.host.syscalls: set_parent_death_signal set_thread_name
uwsgid.host.title: set_title
uwsgid.isolation.late: moment_of
uwsgid.languages.cgi.language: Cgi.__init__
uwsgid.languages.foreign.language: Foreign.__init__
uwsgid.languages.python.language: Python.__init__
uwsgid.logs.held: is_plain_file lock_name
uwsgid.logs.lines: Lines.say encode
uwsgid.logs.outlet_options: WorkerOutlets.any WorkerOutlets.any_records WorkerOutlets.any_requests
uwsgid.logs.writing: writer
uwsgid.registry: Registry.__getitem__ Registry.__iter__
uwsgid.supervise.birth: forget_atexit
uwsgid.supervise.household: Household.name_process
uwsgid.supervise.memory: MemoryLimits.any
uwsgid.supervise.processes: Processes.loads_late
uwsgid.emperor.spawn: VassalNest.born VassalNest.is_prepared
uwsgid.host.syscalls: fork_sibling fork_sibling.<locals>.<listcomp>
uwsgid.supervise.seed: _bear_sibling _close_all _deliver
abc: ABCMeta.__instancecheck__ ABCMeta.__subclasscheck__
automat._core: Automaton.initialState Automaton.outputForInput Transitioner.__init__ Transitioner.transition
automat._typed: MethodOutput.__call__ TransitionRegistrar.returns.<locals>.constant TypeMachine.__call__
automat._typed: __create_fn__.<locals>.__eq__ __create_fn__.<locals>.__init__
automat._typed: implementMethod.<locals>.implementation
codecs: IncrementalDecoder.__init__
collections.abc: Awaitable.__subclasshook__ ItemsView.__iter__ KeysView.__iter__ Mapping.__contains__
collections.abc: Mapping.items Mapping.keys MappingView.__init__ MutableMapping.pop
constantly._constants: _ConstantsContainer.iterconstants _ConstantsContainer.iterconstants.<locals>.<lambda>
dataclasses: _is_dataclass_instance replace
encodings.ascii: IncrementalDecoder.decode
enum: Enum.__hash__ Enum._missing_
genericpath: exists isfile
importlib._bootstrap: _handle_fromlist
os: _Environ.__delitem__ _Environ.__iter__ _Environ.__setitem__ _createenviron.<locals>.decode
platform: machine node release system uname version
posixpath: basename
signal: _enum_to_int _int_to_enum getsignal signal
socket: send_fds socket.__enter__ socket.__exit__ socket.type socketpair
threading: Thread.ident current_thread
twisted.application.service: MultiService.__init__ MultiService.__iter__ MultiService.addService
twisted.application.service: MultiService.privilegedStartService MultiService.startService
twisted.application.service: MultiService.stopService Service.privilegedStartService Service.setName
twisted.application.service: Service.setServiceParent Service.startService Service.stopService
twisted.internet._resolver: ComplexResolverSimplifier.__init__ GAIResolver.__init__
twisted.internet._signals: _ChildSignalHandling.install _ChildSignalHandling.uninstall _FDWaker.__init__
twisted.internet._signals: _FDWaker.__init__.<locals>.<lambda> _FDWaker.connectionLost _FDWaker.doRead
twisted.internet._signals: _FDWaker.doRead.<locals>.<lambda> _MultiSignalHandling.install
twisted.internet._signals: _MultiSignalHandling.uninstall _SIGCHLDWaker.doRead _SIGCHLDWaker.install
twisted.internet._signals: _SIGCHLDWaker.uninstall _WithSignalHandling.install _WithSignalHandling.uninstall
twisted.internet._signals: _WithoutSignalHandling.uninstall __init__ installHandler
twisted.internet.base: DelayedCall.__init__ DelayedCall.__lt__ DelayedCall.activate_delay DelayedCall.active
twisted.internet.base: DelayedCall.cancel PluggableResolverMixin.installNameResolver ReactorBase.__init__
twisted.internet.base: ReactorBase._addInternalReader ReactorBase._cancelCallLater ReactorBase._initThreads
twisted.internet.base: ReactorBase._insertNewDelayedCalls ReactorBase._makeSignalHandling
twisted.internet.base: ReactorBase._reallyStartRunning ReactorBase._removeInternalReader
twisted.internet.base: ReactorBase._signalsFactory ReactorBase.addSystemEventTrigger ReactorBase.callLater
twisted.internet.base: ReactorBase.callWhenRunning ReactorBase.crash ReactorBase.disconnectAll
twisted.internet.base: ReactorBase.fireSystemEvent ReactorBase.mainLoop ReactorBase.run
twisted.internet.base: ReactorBase.runUntilCurrent ReactorBase.startRunning ReactorBase.stop
twisted.internet.base: ReactorBase.timeout _ThreePhaseEvent.__init__ _ThreePhaseEvent._continueFiring
twisted.internet.base: _ThreePhaseEvent.addTrigger _ThreePhaseEvent.fireEvent
twisted.internet.defer: Deferred.__init__ Deferred._runCallbacks Deferred._startRunCallbacks
twisted.internet.defer: Deferred.addBoth Deferred.addCallback Deferred.addCallbacks Deferred.addErrback
twisted.internet.defer: Deferred.callback DeferredList.__init__ DeferredList._cbDeferred __init__
twisted.internet.defer: _cancellableInlineCallbacks _inlineCallbacks
twisted.internet.defer: inlineCallbacks.<locals>.unwindGenerator maybeDeferred passthru succeed
twisted.internet.epollreactor: EPollReactor.__init__ EPollReactor._add EPollReactor._remove
twisted.internet.epollreactor: EPollReactor.addReader EPollReactor.doPoll EPollReactor.removeAll
twisted.internet.epollreactor: EPollReactor.removeAll.<locals>.<listcomp> EPollReactor.removeReader install
twisted.internet.fdesc: _setCloseOnExec readFromFD setNonBlocking
twisted.internet.main: installReactor
twisted.internet.posixbase: PosixReactorBase._removeAll PosixReactorBase._signalsFactory
twisted.internet.posixbase: PosixReactorBase._wakerFactory PosixReactorBase.installWaker
twisted.internet.posixbase: _ContinuousPolling.__init__ _ContinuousPolling.isReading
twisted.internet.posixbase: _ContinuousPolling.removeAll _PollLikeMixin._doReadOrWrite
twisted.internet.process: reapAllProcesses
twisted.internet.task: LoopingCall.__call__ LoopingCall.__call__.<locals>.cb LoopingCall.__init__
twisted.internet.task: LoopingCall._scheduleFrom LoopingCall._scheduleFrom.<locals>.howLong
twisted.internet.task: LoopingCall.start LoopingCall.stop
twisted.logger._logger: Logger.emit Logger.info _FastFailCtxMgr.__enter__ _FastFailCtxMgr.__exit__
twisted.logger._observer: LogPublisher.__call__ LogPublisher.addObserver LogPublisher.removeObserver
twisted.python.context: ContextTracker.__init__ ContextTracker.callWithContext ContextTracker.getContext
twisted.python.context: ThreadedContextTracker.callWithContext ThreadedContextTracker.currentContext
twisted.python.context: ThreadedContextTracker.getContext
twisted.python.failure: Failure.__init__
twisted.python.log: Logger.logPrefix callWithContext callWithLogger
twisted.python.runtime: Platform.supportsThreads
twisted.python.threadable: getThreadID registerAsIOThread
typing: TypeVar.__typing_subst__ _type_check _type_convert
uwsgid.config.argv: _full_name _long _with_next scan
uwsgid.config.directive: __create_fn__.<locals>.__init__
uwsgid.config.environ: environment_options
uwsgid.config.formats.ini: Ini.parse
uwsgid.config.formats.parsed: __create_fn__.<locals>.__init__
uwsgid.config.index: Index.declared Index.implies Index.is_immediate Index.known Index.takes index
uwsgid.config.kinds: Kind.convert _csv _csv.<locals>.<genexpr> _flag _text _whole.<locals>.parse
uwsgid.config.known.row: KnownOption.immediate KnownOption.implies KnownOption.implies.<locals>.<genexpr>
uwsgid.config.known.row: KnownOption.is_flag KnownOption.takes
uwsgid.config.lexicon: Lexicon.__init__ Lexicon.is_custom Lexicon.is_immediate Lexicon.takes
uwsgid.config.loading: Loader.load Loader.load.<locals>.<listcomp> Loader.target Loader.text_of
uwsgid.config.loading: Target.__str__ Target.key __create_fn__.<locals>.__init__ split_section
uwsgid.config.magic: Magic.for_source.<locals>.<dictcomp> Magic.substitute
uwsgid.config.reading: Reading.first Reading.first.<locals>.<genexpr> _Reader.__init__ _Reader._add
uwsgid.config.reading: _Reader._append _Reader._configure _Reader._deeper _Reader._end_of_input
uwsgid.config.reading: _Reader._expand _Reader._expand.<locals>.<listcomp> _Reader._load
uwsgid.config.reading: _Reader._plugins_of_program _Reader.collect _Reader.configure _Reader.reading
uwsgid.config.reading: _Reader.reading.<locals>.<genexpr> __create_fn__.<locals>.__init__ read
uwsgid.config.section: Option.spellings Section.__init__ declared_sections
uwsgid.config.settings: Settings.is_set _Reader.__init__ _Reader._convert _Reader._imply _Reader._instance
uwsgid.config.settings: _Reader._instance.<locals>.<dictcomp> _Reader._odd_boolean _Reader._pass_over
uwsgid.config.settings: _Reader._read _Reader._turn_on_implied _Reader.judge
uwsgid.config.settings: _Reader.judge.<locals>.<dictcomp> _Reader.judge.<locals>.<genexpr>
uwsgid.config.settings: __create_fn__.<locals>.__init__ judge judge_reading
uwsgid.config.sources: decode fetch fetch_bytes read_path
uwsgid.config.words: Words.__init__ Words.act Words.act_late Words.check
uwsgid.door.background: Starter.__init__ Starter.tell _wanted go_to_the_background keep_the_terminal
uwsgid.door.bequest: bequest
uwsgid.door.binding: bind_shared_sockets bind_the_sockets bind_the_sockets.<locals>.<listcomp> open_gateways
uwsgid.door.binding: open_gateways.<locals>.<dictcomp>
uwsgid.door.boot: Boot.run_hooks __create_fn__.<locals>.__init__ _late_seed boot choose_the_loop
uwsgid.door.boot: fetch_the_manhole inheritance_of open_devices remember_where_we_started run_first_hooks
uwsgid.door.boot: run_hooks_before_jails run_hooks_in_jail try_modules write_late_pidfiles write_pidfiles
uwsgid.door.catalog: load_plugin
uwsgid.door.command: FromEmperor.__init__ _Immediately.__call__ _Immediately.__init__
uwsgid.door.command: __create_fn__.<locals>.__init__ _asked _asked.<locals>.<genexpr> _load_plugins
uwsgid.door.command: _one_shot _one_shot.<locals>.<genexpr> configuration decide started_as
uwsgid.door.early: leave_the_early_emperor start_early_emperor
uwsgid.door.isolating: _occasion _occasion.<locals>.<lambda> _patch _patch.<locals>.<listcomp> _step
uwsgid.door.isolating: become_another_program changes_root changes_root.<locals>.<genexpr>
uwsgid.door.isolating: close_what_nobody_claimed enter_the_all_in_one_jail fill_the_jail
uwsgid.door.isolating: furnish_the_all_in_one_jail is_jailed_at_boot is_jailed_at_boot.<locals>.<genexpr>
uwsgid.door.isolating: join_namespaces join_the_cgroups lend_namespaces open_our_namespaces
uwsgid.door.isolating: open_what_a_jail_lacks take_the_privilege_step take_the_privilege_step_late
uwsgid.door.isolating: wait_for_sockets write_files
uwsgid.door.pidfiles: write_one
uwsgid.door.rehearsal: make_what_vassals_share
uwsgid.door.seed: _can_wait_for_a_seed _fork _fork.<locals>.<listcomp> _fork.<locals>.<listcomp>.<listcomp>
uwsgid.door.seed: _has_one_lasting_worker _not_for_children _not_for_children.<locals>.<listcomp>
uwsgid.door.seed: _room_for_lines drop_privileges_late fork_the_seed fork_the_seed.<locals>.<genexpr>
uwsgid.door.seed: fork_the_seed.<locals>.<lambda> fork_the_seed.<locals>.<listcomp> share_memory
uwsgid.door.service: Instance.__init__ Instance._end Instance._leave_with_code Instance._or_give_up
uwsgid.door.service: Instance.exit_code Instance.privilegedStartService
uwsgid.door.service: Instance.privilegedStartService.<locals>.<lambda> Instance.startService
uwsgid.door.service: Instance.startService.<locals>.<lambda> Instance.stopService
uwsgid.door.service: __create_fn__.<locals>.__init__ find_out hold_standard_descriptors observer
uwsgid.door.speaking: _owner_of_the_log open_the_log say_who_we_are
uwsgid.door.surroundings: _unsaid enter_the_directory limit_resources set_the_environment set_the_umask
uwsgid.door.surroundings: take_what_needs_root
uwsgid.door.vassal: __create_fn__.<locals>.__init__ _live_once _serve begin live react_as_a_new_program
uwsgid.emperor.keeping: Keeping.close_all
uwsgid.emperor.options: EmperorOptions.check EmperorOptions.executes
uwsgid.emperor.setup: emperors
uwsgid.emperor.spawn: Birth.__init__ Birth._hooks Birth._run_start_hook Birth.become_the_owner
uwsgid.emperor.spawn: Birth.die_with_the_emperor Birth.go_on Birth.go_on.<locals>.<lambda>
uwsgid.emperor.spawn: Birth.hear_signals Birth.settle_descriptors VassalNest.bear environment
uwsgid.emperor.spawn: environment.<locals>.<dictcomp> environment.<locals>.<listcomp>
uwsgid.gateways.http: gateways
uwsgid.gateways.http_options: Http.check
uwsgid.gateways.zergpool: pools pools.<locals>.<listcomp>
uwsgid.hooks.chain: chain phase_of
uwsgid.hooks.later: drive run_later
uwsgid.hooks.options: Hooks.of Hooks.of.<locals>.<genexpr> Hooks.of.<locals>.<listcomp>
uwsgid.hooks.scene: Scene.<lambda> __create_fn__.<locals>.__init__
uwsgid.host.addresses: Address.__str__ Address.auto_port Address.is_pattern Address.is_tcp Address.is_unix
uwsgid.host.addresses: Address.sockaddr __create_fn__.<locals>.__init__ _unix parse_address
uwsgid.host.backlog: _unix_queue answer question queue_length
uwsgid.host.binding: __create_fn__.<locals>.__init__ _bind _buffers _permissions _unlink_stale bind_unix
uwsgid.host.binding: bind_unix.<locals>.<lambda> label
uwsgid.host.calls: attempt
uwsgid.host.capabilities: final_set first_reduction
uwsgid.host.cgroups: Cgroups.check join_cgroups
uwsgid.host.children: Orphans.__init__ Orphans.suspects Orphans.sweep Orphans.sweep.<locals>.<genexpr>
uwsgid.host.children: __create_fn__.<locals>.__init__ _is_zombie ended_children
uwsgid.host.children: ended_children.<locals>.<genexpr> ended_children.<locals>.<listcomp> exit_status
uwsgid.host.children: exit_status.<locals>.<lambda> send_signal status_of watch_child
uwsgid.host.children: watch_child.<locals>.<lambda>
uwsgid.host.confinement: Confinement.check confine filters_in_force
uwsgid.host.emperor: descriptors descriptors.<locals>.<genexpr> find join_by_proxy keep_from_commands
uwsgid.host.facts: is_proc_ours
uwsgid.host.inherit: _note _systemd _upstart find_inherited find_inherited.<locals>.<genexpr> parse_variable
uwsgid.host.jails: Jails.check enter_jails
uwsgid.host.kept: Kept.__init__ Kept.close_unclaimed Kept.inherited parse_kept
uwsgid.host.kernel: Kernel.__init__ Kernel.bind Kernel.chdir Kernel.close Kernel.dup2 Kernel.fstat
uwsgid.host.kernel: Kernel.listen Kernel.open Kernel.open_descriptors
uwsgid.host.kernel: Kernel.open_descriptors.<locals>.<genexpr> Kernel.open_descriptors.<locals>.<listcomp>
uwsgid.host.kernel: Kernel.pidfd_open Kernel.pidfd_send_signal Kernel.set_blocking Kernel.set_inheritable
uwsgid.host.kernel: Kernel.socket Kernel.socket_facts Kernel.somaxconn Kernel.stat Kernel.waitid _borrow
uwsgid.host.kernel: _facts _is_open _wait
uwsgid.host.limits: apply_descriptors apply_limits apply_priority merge_pages
uwsgid.host.locks: Lock.__init__ LockTable.__init__ LockTable.__init__.<locals>.<dictcomp>
uwsgid.host.locks: LockTable.__init__.<locals>.<genexpr>
uwsgid.host.namespaces: combined
uwsgid.host.privileges: __create_fn__.<locals>.__init__ drop drop.<locals>.<genexpr> drop_calls perform
uwsgid.host.privileges: resolve_identity
uwsgid.host.socket_options: __create_fn__.<locals>.__eq__ __create_fn__.<locals>.__init__ _spec
uwsgid.host.sockets: _find _find.<locals>.<listcomp> _open _refuse_twice bind_shared bind_sockets
uwsgid.host.sockets: bind_sockets.<locals>.<setcomp> check_backlog close_leftovers
uwsgid.host.sockets: close_leftovers.<locals>.<setcomp> inheritance map_workers settle_stdin
uwsgid.host.sockets: settle_stdin.<locals>.<genexpr>
uwsgid.host.syscalls: fork_asleep fork_asleep.<locals>.<listcomp> set_child_subreaper
uwsgid.host.waits: wait_for
uwsgid.host.watch: Touches.__init__ Touches.__len__
uwsgid.host.zerg: attach
uwsgid.interfaces: __create_fn__.<locals>.__init__
uwsgid.isolation.late: is_of_the_boot
uwsgid.isolation.options: AllInOne.check BinaryPatch.check Isolation.check
uwsgid.isolation.options: Isolation.check.<locals>.<genexpr> Isolation.flags Isolation.later_flags
uwsgid.isolation.options: Isolation.reforks late_option
uwsgid.isolation.step: _Place.__init__ _Place.change_roots _Place.enter_jails _Place.settle
uwsgid.isolation.step: __create_fn__.<locals>.__init__ become_the_user change_user privilege_step
uwsgid.isolation.step: take_the_place
uwsgid.languages.cgi.language: Cgi.try_module
uwsgid.languages.cgi.options: CgiOptions.check
uwsgid.languages.foreign.language: Foreign.try_module
uwsgid.languages.perl.language: Perl.try_module
uwsgid.languages.python.api_locks: UserLocks.check user_lock_names user_lock_names.<locals>.<genexpr>
uwsgid.languages.python.language: Python.try_module
uwsgid.languages.python.options: PythonApps.check
uwsgid.languages.ruby.options: RubyApps.check
uwsgid.logs.banner: BannerFacts.<lambda> __create_fn__.<locals>.__init__ backlog_line banner_lines
uwsgid.logs.banner: lock_lines mapped_line master_line mercy_line mode_line page_line start_lines
uwsgid.logs.banner: worker_line
uwsgid.logs.files: DescriptorLogger.__init__ DescriptorLogger.check_size DescriptorLogger.write
uwsgid.logs.grievances: Grievances.__init__ Grievances.tell
uwsgid.logs.held: Leftovers.__init__ Leftovers.__init__.<locals>.<listcomp> Leftovers._size Leftovers.look
uwsgid.logs.held: Leftovers.rescue lock_names lock_names.<locals>.<listcomp>
uwsgid.logs.lines: Lines.__init__ ServerLines.check date_format
uwsgid.logs.loggers.rsyslog_options: RsyslogPackets.check
uwsgid.logs.observer: LineObserver.__call__ LineObserver.__init__ _is_twisted text_of
uwsgid.logs.outlet_options: LogOutlets.all_loggers LogOutlets.any LogOutlets.check RequestOutlets.any
uwsgid.logs.outlet_options: WorkerOutlets.check
uwsgid.logs.pipeline: Pipeline.__init__ Pipeline._deliver Pipeline.accept Pipeline.all Pipeline.check_size
uwsgid.logs.pipeline: Pipeline.complain
uwsgid.logs.setup: Logs.__init__ Logs.begin Logs.drain Logs.finish Logs.open Logs.open_late Logs.registered
uwsgid.logs.setup: Logs.request_writer Logs.take Logs.take_requests Logs.write
uwsgid.loops.reactor: fresh_reactor
uwsgid.manhole.options: Manhole.check Manhole.ssh Manhole.ssh.<locals>.<genexpr>
uwsgid.master.cheap: CheapMode.__init__ CheapMode.__init__.<locals>.<setcomp> CheapMode.end
uwsgid.master.checkround: CheckRound.__init__ CheckRound._look CheckRound.start CheckRound.stop
uwsgid.master.departure: Departure.__init__ Departure._finish Departure._leave Departure._run_last_hooks
uwsgid.master.departure: Departure.proceed Departure.stop_brutally
uwsgid.master.farewell: say_goodbye
uwsgid.master.fifo: Fifo.__init__ Fifo.stop
uwsgid.master.gateways: Gateways.__init__ Gateways.end Gateways.start
uwsgid.master.hookchain: HookChain.__init__ HookChain.begin HookChain.look HookChain.run
uwsgid.master.idle: IdleWatch.__init__ IdleWatch.look IdleWatch.verdict
uwsgid.master.inbox: Inbox.__init__ Inbox.end
uwsgid.master.inheritance: __create_fn__.<locals>.__init__
uwsgid.master.liaison: Liaison.__init__ Liaison.begin Liaison.end Liaison.hear Liaison.look Liaison.open
uwsgid.master.logintake: LogIntake.__init__ LogIntake.start LogIntake.stop
uwsgid.master.loyalty: EmperorProxy.__init__ EmperorProxy.start EmperorProxy.stop Loyalty.__init__
uwsgid.master.loyalty: Loyalty._after Loyalty._after.<locals>.<lambda> Loyalty._obey Loyalty.doRead
uwsgid.master.loyalty: Loyalty.end Loyalty.fileno Loyalty.hear Loyalty.logPrefix Loyalty.start Loyalty.tell
uwsgid.master.mountcheck: MountCheck.__init__ MountCheck.look
uwsgid.master.nursery: Nursery.__init__ Nursery._plant_spare Nursery._provide Nursery.begin
uwsgid.master.nursery: Nursery.child_born Nursery.child_ready Nursery.child_said Nursery.mother Nursery.stop
uwsgid.master.nursery: Nursery.want
uwsgid.master.queues: Queues.__init__ Queues.lengths Queues.lengths.<locals>.<listcomp> Queues.look
uwsgid.master.queues: Queues.look.<locals>.<genexpr>
uwsgid.master.reexec: Reexec.__init__ Sources.__init__ Sources.__init__.<locals>.<genexpr>
uwsgid.master.reexec: Sources.__init__.<locals>.<listcomp> Sources._look Sources._look.<locals>.<listcomp>
uwsgid.master.reexec: _facts
uwsgid.master.reloads: Reloads.__init__
uwsgid.master.rereading: Rereading.__init__
uwsgid.master.rests: Rests.__contains__ Rests.__init__ Rests.did_well Rests.due Rests.end
uwsgid.master.roster: Roster.__init__ Roster.has_lived Roster.hire Roster.is_vacant
uwsgid.master.roster: Roster.is_vacant.<locals>.<genexpr> Roster.note_who_serves
uwsgid.master.roster: Roster.note_who_serves.<locals>.<genexpr> Roster.note_who_serves.<locals>.<lambda>
uwsgid.master.roster: Roster.workers Roster.workers.<locals>.<listcomp>
uwsgid.master.service: Master.__init__ Master.__init__.<locals>.<lambda> Master._begin Master._part
uwsgid.master.service: Master._tell_ready Master._wind_up Master.orders Master.startService
uwsgid.master.service: Master.stopService Master.stopService.<locals>.<lambda> Master.stop_brutally
uwsgid.master.stall: Stall.__init__ Stall._look Stall.start Stall.stop
uwsgid.master.statistics: Statistics.__init__
uwsgid.master.touches: TouchWatch.__init__ TouchWatch.__init__.<locals>.<dictcomp> TouchWatch.look
uwsgid.master.undertaker: Undertaker.__init__ Undertaker.end Undertaker.install Undertaker.look
uwsgid.master.undertaker: Undertaker.soon
uwsgid.master.unixsignals: UnixSignals.__init__ UnixSignals._handler UnixSignals.end_is_near
uwsgid.master.unixsignals: UnixSignals.install UnixSignals.meaning UnixSignals.table release
uwsgid.master.watchdog: Watchdog.__init__ Watchdog._check_harakiri Watchdog._check_lifetime
uwsgid.master.watchdog: Watchdog._check_memory Watchdog._check_mercy Watchdog.look
uwsgid.master.windingdown: WindingDown.__init__ WindingDown.proceed WindingDown.proceed.<locals>.<listcomp>
uwsgid.master.workforce: Workforce.__init__ Workforce._again Workforce._fill Workforce._judge
uwsgid.master.workforce: Workforce._note_apps Workforce.child_born Workforce.child_ended
uwsgid.master.workforce: Workforce.child_ready Workforce.child_said Workforce.end_now
uwsgid.master.workforce: Workforce.generation_loaded Workforce.hire Workforce.insist Workforce.proceed
uwsgid.master.workforce: Workforce.promote Workforce.start Workforce.stop Workforce.workers
uwsgid.master.zerg: SosWatch.__init__ SosWatch.look ZergServer.__init__
uwsgid.master.zerg: ZergServer.__init__.<locals>.<genexpr> ZergServer.start ZergServer.stop
uwsgid.request.options: Answers.check
uwsgid.stats.options: Stats.check
uwsgid.supervise.backoff: Backoff.after __create_fn__.<locals>.__init__
uwsgid.supervise.birth: take_environment take_environment.<locals>.<listcomp>
uwsgid.supervise.board: Board.__init__ Board._cells Board._real Board._whole Board.free_seat Board.sit_down
uwsgid.supervise.board: Board.stand_up
uwsgid.supervise.channel: Channel.__init__ Channel._hear Channel.close Channel.doRead Channel.drain
uwsgid.supervise.channel: Channel.fileno Channel.logPrefix Channel.say
uwsgid.supervise.child: Child.__init__ Child._be_ready Child._end Child._ended Child._heard Child._lost
uwsgid.supervise.child: Child._meet Child._note_farewell Child._send_away Child._turn Child.say Child.signal
uwsgid.supervise.child: __create_fn__.<locals>.__init__ _be_ready _bury_leaving _meet _send_away _turn
uwsgid.supervise.deadline: overdue
uwsgid.supervise.exits: __create_fn__.<locals>.__init__ verdict
uwsgid.supervise.exitwatch: ExitWatch.__init__ ExitWatch.connectionLost ExitWatch.doRead ExitWatch.fileno
uwsgid.supervise.exitwatch: ExitWatch.logPrefix ExitWatch.signal
uwsgid.supervise.household: __create_fn__.<locals>.__init__
uwsgid.supervise.processes: Recycling.check Recycling.lifetime_limit
uwsgid.supervise.supervisor: Supervisor.__init__ Supervisor._turned Supervisor.adopt Supervisor.expecting
uwsgid.supervise.supervisor: Supervisor.expecting.<locals>.<genexpr> Supervisor.have Supervisor.known_pids
uwsgid.supervise.supervisor: Supervisor.known_pids.<locals>.<genexpr> Supervisor.said
uwsgid.supervise.supervisor: Supervisor.server_ended _Registrar.__init__ _Registrar.child_born
uwsgid.supervise.supervisor: _Registrar.child_ended _Registrar.child_ready _Registrar.child_said
uwsgid.tuntap.devices: devices
uwsgid.tuntap.options: TunTapDevice.check TunTapDevice.check.<locals>.<dictcomp> TunTapRouter.check
uwsgid.tuntap.setup: routers
contextlib: _GeneratorContextManager.__enter__ _GeneratorContextManager.__exit__
contextlib: _GeneratorContextManagerBase.__init__ contextmanager.<locals>.helper
importlib._bootstrap: ModuleSpec.__init__ ModuleSpec.cached ModuleSpec.has_location ModuleSpec.parent
importlib._bootstrap: _call_with_frames_removed _init_module_attrs _new_module module_from_spec
importlib._bootstrap_external: FileLoader.__init__ FileLoader.get_data FileLoader.get_filename
importlib._bootstrap_external: SourceLoader.source_to_code _LoaderBasics.create_module
importlib._bootstrap_external: _LoaderBasics.exec_module _LoaderBasics.is_package
importlib._bootstrap_external: _check_name.<locals>._check_name_wrapper _get_cached _path_isabs _path_join
importlib._bootstrap_external: _path_join.<locals>.<listcomp> _path_split _path_split.<locals>.<genexpr>
importlib._bootstrap_external: cache_from_source spec_from_file_location
pathlib: Path.__new__ Path.open PurePath.__fspath__ PurePath.__str__ PurePath._format_parsed_parts
pathlib: PurePath._from_parts PurePath._parse_args _Flavour.parse_parts _PosixFlavour.splitroot
uwsgid.config.settings: Settings.opt
uwsgid.door.seed: _be_who_is_wanted close_the_reactor leave_twistd
uwsgid.hooks.fatal: run_or_destroy
uwsgid.host.binding: Listener.serves Listener.socket
uwsgid.host.facts: MemoryProbe.__init__
uwsgid.host.kept: Kept.close_all
uwsgid.host.limits: pin_worker
uwsgid.host.locks: Lock.forget_threads LockTable.__contains__ LockTable.born
uwsgid.isolation.late: step_of_a_newborn
uwsgid.languages.cgi.language: Cgi.at_exit Cgi.handlers Cgi.initialize Cgi.load Cgi.post_fork Cgi.settle
uwsgid.languages.cgi.options: CgiOptions.is_asked_for
uwsgid.languages.foreign.language: Foreign.at_exit Foreign.handlers Foreign.initialize Foreign.load
uwsgid.languages.foreign.language: Foreign.post_fork Foreign.settle
uwsgid.languages.outcome: __create_fn__.<locals>.__init__
uwsgid.languages.perl.language: Perl.plan Perl.plan.<locals>.<listcomp>
uwsgid.languages.python.api: _last call_hook complete install install.<locals>.<dictcomp>
uwsgid.languages.python.api: install.<locals>.<listcomp> magic_table magic_table.<locals>.<dictcomp>
uwsgid.languages.python.api: magic_table.<locals>.<genexpr>
uwsgid.languages.python.context: as_bytes
uwsgid.languages.python.environ: base_environ
uwsgid.languages.python.imports: argv import_all map_aliases
uwsgid.languages.python.language: Python.at_exit Python.handlers Python.initialize Python.load
uwsgid.languages.python.language: Python.post_fork Python.settle _call
uwsgid.languages.python.loading: _Loader.__init__ _Loader._add _Loader.load _Loader.load_all _applications
uwsgid.languages.python.loading: freeze load_apps ready_line resting_collector threads_alive
uwsgid.languages.python.targets: FileTarget.load FileTarget.module_name FileTarget.where
uwsgid.languages.python.targets: _UncachedLoader.get_code __create_fn__.<locals>.__init__ find_callable
uwsgid.languages.python.targets: import_file pythonize
uwsgid.languages.python.virtualenv: enter follow_variable follow_variable.<locals>.<listcomp> put_in_front
uwsgid.languages.python.wsgi: _Call.__init__ _Call.start_response handlers handlers.<locals>.<lambda>
uwsgid.languages.python.wsgi: wsgi_handler wsgi_handler.<locals>.handle
uwsgid.languages.ruby.language: Ruby.plan Ruby.plan.<locals>.<listcomp>
uwsgid.logs.held: HeldLines.__init__ HeldLines.flush HeldLines.write
uwsgid.logs.setup: Logs.leave
uwsgid.logs.writing: write_first writer.<locals>.write
uwsgid.loops.gate: Gate.__init__ Gate.__init__.<locals>.<dictcomp> Gate._hasten Gate._is_over Gate._wait
uwsgid.loops.gate: Gate.next Gate.shut Gate.watch
uwsgid.loops.limits: defers hurry moment most_parked patience
uwsgid.loops.simple: Simple.__init__ Simple.run
uwsgid.request.body: Body.__init__ Body.at_end
uwsgid.request.connection: Connection.__init__ Connection.close Connection.send
uwsgid.request.logline: DefaultLines.__init__ DefaultLines._now DefaultLines.line DefaultLines.log
uwsgid.request.logline: DefaultLines.take _App.__init__ _How.__init__ _Hundred.__init__ _When.__init__
uwsgid.request.logline: _Who.__init__ _path _text _value plain_logger request_logger
uwsgid.request.logtext: escape latin
uwsgid.request.mounts: App.__init__ Apps.__contains__ Apps.__init__ Apps.__iter__ Apps.__len__
uwsgid.request.mounts: Apps._choose_only Apps._settle Apps.add Apps.is_full Lookup.from_settings
uwsgid.request.mounts: __create_fn__.<locals>.__init__ _prefixes _prefixes.<locals>.<dictcomp>
uwsgid.request.options: Bodies.buffering_size
uwsgid.request.reply: Reply.__init__ Reply._send_whole Reply.start Reply.whole
uwsgid.request.request: Request.__init__
uwsgid.request.serving: Farewell.__init__ Farewell.bid __create_fn__.<locals>.__init__
uwsgid.request.terms: Terms.__init__ Terms.__init__.<locals>.<genexpr>
uwsgid.static.options: StaticFiles.any
uwsgid.supervise.appfacts: describe_apps describe_apps.<locals>.<genexpr>
uwsgid.supervise.birth: __create_fn__.<locals>.__init__ bear become_server_of_births become_signalled
uwsgid.supervise.birth: wait_for_adoption
uwsgid.supervise.board: Board.total_requests
uwsgid.supervise.conversation: Conversation.__init__ Conversation.fileno Conversation.heard Conversation.say
uwsgid.supervise.counting: Progress.__init__ Progress.begin Progress.end Tally.__init__ Tally.add
uwsgid.supervise.processes: Recycling.request_limit
uwsgid.wire.limits: __create_fn__.<locals>.__init__
uwsgid.wire.response: _field _first_line _line full_status head status_code
uwsgid.wire.uwsgi: read_vars
uwsgid.worker.cycle: Cycle.__init__ Cycle.advance Cycle.connector Cycle.serve _dispatched
uwsgid.worker.dropping: drop_at enter_late_directory
uwsgid.worker.leave: measuring recycling
uwsgid.worker.loyalty: FirstRequest.__call__ FirstRequest.__init__
uwsgid.worker.role: Worker.__init__ Worker._end Worker._engine_name Worker._heard Worker._is_reload
uwsgid.worker.role: Worker._is_reload.<locals>.<genexpr> Worker._offload Worker._pin_to_cpus
uwsgid.worker.role: Worker._run_hooks Worker._serving Worker._serving.<locals>.<listcomp> Worker._welcome
uwsgid.worker.role: Worker.run Worker.run.<locals>.<lambda> _answer_plain_requests
uwsgid.worker.role: _answer_plain_requests.<locals>.<setcomp> worker
uwsgid.worker.signals: WorkerSignals.__init__ WorkerSignals.install
uwsgid.worker.station: Station.__init__ Station.connect __create_fn__.<locals>.__init__ _roomy make_station
uwsgid.worker.zygote: _is_for_us _prepare _prepare.<locals>.<listcomp> zygote
"""

#: Modules and qualified names, in the order that they are to have in memory.
FUNCTIONS: Final = tuple(
    (module, name)
    for module, _, names in (line.partition(": ") for line in _TEXT.splitlines())
    for name in names.split()
)
