"""The functions that the processes of a vassal call, see `uwsgid.emperor.gathering`.

The list is made by ``python -m tests.bench.names``.  A function that it lacks costs a page in each vassal,
one too many costs its length.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """\
contextlib: suppress.__enter__ suppress.__exit__ suppress.__init__
uwsgid.supervise.birth: leave
uwsgid.wire.control: __create_fn__.<locals>.__init__
uwsgid.emperor.spawn: VassalNest.is_for_steward
uwsgid.host.syscalls: fork_unnoticed
uwsgid.supervise.seed: receive
uwsgid.wire.control: unpack
typing: cast
uwsgid.config.settings: Settings.__getitem__
uwsgid.wire.control: Record.pack Record.pack.<locals>.<listcomp>
ctypes: create_string_buffer
enum: Enum.__new__ EnumType.__call__
socket: socket.__init__ socket._real_close socket.close
uwsgid.host.kernel: Kernel.set_process_name
uwsgid.host.syscalls: _check set_thread_name
uwsgid.host.title: set_title
uwsgid.logs.lines: Lines.say encode
uwsgid.logs.writing: writer.<locals>.write
uwsgid.supervise.birth: forget_atexit
uwsgid.emperor.spawn: VassalNest.born
uwsgid.supervise.seed: _bear_sibling _close_all _deliver _fork_steward is_alone serve_births
enum: Flag.__or__ Flag._iter_member_by_value_ Flag._missing_ Flag._missing_.<locals>.<listcomp>
enum: _iter_bits_lsb
socket: socketpair
uwsgid.alarms.asking: Nobody.__init__
uwsgid.door.stewards: be_steward
uwsgid.emperor.keeping: Keeping.close_all
uwsgid.emperor.spawn: VassalNest.bear
uwsgid.host.children: __create_fn__.<locals>.__init__
uwsgid.host.syscalls: set_child_subreaper
uwsgid.steward.duty: Duty.__init__ Duty._bury Duty._end Duty._end_now Duty._is_ending Duty._known
uwsgid.steward.duty: Duty._known.<locals>.<genexpr> Duty._proceed Duty._say_end Duty._take_over Duty._weigh
uwsgid.steward.duty: Duty.begin Duty.coming Duty.coming.<locals>.<genexpr> Duty.due
uwsgid.steward.duty: Duty.due.<locals>.<listcomp> Duty.ended Duty.heard Duty.look Duty.serves Duty.serving
uwsgid.steward.duty: Duty.serving.<locals>.<genexpr> Duty.stop_brutally Known.__init__
uwsgid.steward.hands: LoneWorker.__init__ LoneWorker.close LoneWorker.fileno LoneWorker.hear
uwsgid.steward.hands: LoneWorker.signal
uwsgid.steward.steward: Steward.__init__ Steward._bear Steward._bury Steward._bury.<locals>.<genexpr>
uwsgid.steward.steward: Steward._hear Steward._hear_emperor Steward._heed_signals Steward._settle
uwsgid.steward.steward: Steward._sleep Steward._take_over Steward._wait Steward.clear_away Steward.run
uwsgid.steward.steward: _status_of
uwsgid.supervise.exits: __create_fn__.<locals>.__init__ verdict
codecs: IncrementalDecoder.__init__ IncrementalEncoder.__init__
collections.abc: ItemsView.__iter__ KeysView.__iter__ Mapping.get Mapping.items Mapping.keys
collections.abc: MappingView.__init__ MutableMapping.pop
contextlib: _GeneratorContextManager.__enter__ _GeneratorContextManager.__exit__
contextlib: _GeneratorContextManagerBase.__init__ contextmanager.<locals>.helper
dataclasses: _is_dataclass_instance replace
encodings.ascii: IncrementalDecoder.decode
importlib._bootstrap: ModuleSpec.__init__ ModuleSpec.cached ModuleSpec.has_location ModuleSpec.parent
importlib._bootstrap: _call_with_frames_removed _init_module_attrs _new_module module_from_spec
importlib._bootstrap_external: FileLoader.__init__ FileLoader.get_data FileLoader.get_filename
importlib._bootstrap_external: SourceLoader.source_to_code _LoaderBasics.create_module
importlib._bootstrap_external: _LoaderBasics.exec_module _LoaderBasics.is_package
importlib._bootstrap_external: _check_name.<locals>._check_name_wrapper _get_cached _path_isabs _path_join
importlib._bootstrap_external: _path_join.<locals>.<listcomp> _path_split _path_split.<locals>.<genexpr>
importlib._bootstrap_external: cache_from_source spec_from_file_location
json.decoder: JSONDecoder.decode JSONDecoder.raw_decode
json: loads
os: _Environ.__delitem__ _Environ.__getitem__ _Environ.__iter__ _Environ.__setitem__
os: _createenviron.<locals>.decode _createenviron.<locals>.encode _fscodec.<locals>.fsencode
posixpath: _get_sep abspath basename isabs join normpath split
random: Random.seed
signal: _enum_to_int _int_to_enum signal
socket: _intenum_converter send_fds socket.detach socket.family socket.type
threading: Thread._set_native_id main_thread
twisted.application.service: MultiService.__init__ MultiService.__iter__ MultiService.privilegedStartService
twisted.application.service: Service.privilegedStartService Service.setName
twisted.logger._observer: LogPublisher.addObserver LogPublisher.removeObserver
uwsgid.config.argv: _full_name _long _with_next scan
uwsgid.config.directive: __create_fn__.<locals>.__init__
uwsgid.config.environ: environment_options
uwsgid.config.facts: Facts.of_this_process __create_fn__.<locals>.__init__
uwsgid.config.formats.ini: Ini.parse
uwsgid.config.formats.parsed: __create_fn__.<locals>.__init__
uwsgid.config.index: Index.declared Index.implies Index.is_immediate Index.known Index.takes index
uwsgid.config.kinds: Kind.convert _csv _csv.<locals>.<genexpr> _flag _text _whole.<locals>.parse
uwsgid.config.known.row: KnownOption.immediate KnownOption.implies KnownOption.implies.<locals>.<genexpr>
uwsgid.config.known.row: KnownOption.is_flag KnownOption.takes
uwsgid.config.lexicon: Lexicon.__init__ Lexicon.is_custom Lexicon.is_immediate Lexicon.takes
uwsgid.config.loading: Loader.load Loader.load.<locals>.<listcomp> Loader.target Loader.text_of
uwsgid.config.loading: Target.__str__ Target.key __create_fn__.<locals>.__init__ split_section
uwsgid.config.magic: Magic.for_source Magic.for_source.<locals>.<dictcomp> Magic.substitute
uwsgid.config.magic: __create_fn__.<locals>.__init__ _djb33x _of_path _of_path.<locals>.<dictcomp>
uwsgid.config.magic: _of_path.<locals>.<listcomp>
uwsgid.config.reading: Reading.first Reading.first.<locals>.<genexpr> _Reader.__init__ _Reader._add
uwsgid.config.reading: _Reader._append _Reader._configure _Reader._deeper _Reader._end_of_input
uwsgid.config.reading: _Reader._expand _Reader._expand.<locals>.<listcomp> _Reader._load
uwsgid.config.reading: _Reader._plugins_of_program _Reader.collect _Reader.configure _Reader.reading
uwsgid.config.reading: _Reader.reading.<locals>.<genexpr> __create_fn__.<locals>.__init__ read
uwsgid.config.section: Option.spellings Section.__init__ Section.check declared_sections
uwsgid.config.settings: Settings.configured Settings.is_set Settings.opt _Reader.__init__ _Reader._convert
uwsgid.config.settings: _Reader._imply _Reader._instance _Reader._instance.<locals>.<dictcomp>
uwsgid.config.settings: _Reader._odd_boolean _Reader._pass_over _Reader._read _Reader._turn_on_implied
uwsgid.config.settings: _Reader.judge _Reader.judge.<locals>.<dictcomp> _Reader.judge.<locals>.<genexpr>
uwsgid.config.settings: __create_fn__.<locals>.__init__ judge judge_reading
uwsgid.config.sources: decode fetch fetch_bytes has_scheme read_path scheme_of
uwsgid.config.words: Words.__init__ Words.act Words.act_late Words.check
uwsgid.door.background: Starter.__init__ Starter.begin Starter.close _wanted go_to_the_background
uwsgid.door.background: keep_the_terminal
uwsgid.door.binding: bind_shared_sockets bind_the_sockets bind_the_sockets.<locals>.<listcomp> open_gateways
uwsgid.door.binding: open_gateways.<locals>.<dictcomp>
uwsgid.door.boot: Boot.household Boot.run_hooks __create_fn__.<locals>.__init__ boot choose_the_loop
uwsgid.door.boot: fetch_the_manhole open_devices remember_where_we_started run_first_hooks
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
uwsgid.door.lone: _be_distinct _flags _serve _serve.<locals>.<dictcomp> _serve.<locals>.<listcomp>
uwsgid.door.lone: live_alone
uwsgid.door.pidfiles: write_one
uwsgid.door.plain: _wants_a_master _wants_a_master.<locals>.<genexpr> is_plain
uwsgid.door.rehearsal: make_what_vassals_share
uwsgid.door.seed: close_the_reactor drop_privileges_late fork_the_seed leave_twistd share_memory
uwsgid.door.service: Instance.__init__ Instance._or_give_up Instance.booted Instance.privilegedStartService
uwsgid.door.service: Instance.privilegedStartService.<locals>.<lambda> __create_fn__.<locals>.__init__
uwsgid.door.service: find_out hold_standard_descriptors observer
uwsgid.door.speaking: _owner_of_the_log open_the_log say_who_we_are
uwsgid.door.stewards: be_steward.<locals>.live_as_worker
uwsgid.door.stewards: be_steward.<locals>.live_as_worker.<locals>.<lambda>
uwsgid.door.streams: LogStream.__init__ _to_log own_standard_streams
uwsgid.door.surroundings: _unsaid enter_the_directory limit_resources set_the_environment set_the_umask
uwsgid.door.surroundings: take_what_needs_root
uwsgid.door.vassal: __create_fn__.<locals>.__init__ begin react_as_a_new_program
uwsgid.emperor.options: EmperorOptions.executes
uwsgid.emperor.setup: emperors
uwsgid.emperor.spawn: Birth.__init__ Birth._hooks Birth._run_start_hook Birth.become_the_owner
uwsgid.emperor.spawn: Birth.die_with_the_emperor Birth.go_on Birth.go_on.<locals>.<lambda>
uwsgid.emperor.spawn: Birth.hear_signals Birth.settle_descriptors VassalNest._be_vassal environment
uwsgid.emperor.spawn: environment.<locals>.<dictcomp> environment.<locals>.<listcomp>
uwsgid.gateways.http: gateways
uwsgid.gateways.zergpool: pools pools.<locals>.<listcomp>
uwsgid.hooks.fatal: run_or_destroy
uwsgid.hooks.options: Hooks.any
uwsgid.hooks.running: run
uwsgid.hooks.scene: __create_fn__.<locals>.__init__
uwsgid.host.addresses: Address.__str__ Address.auto_port Address.is_pattern Address.is_tcp Address.is_unix
uwsgid.host.addresses: Address.sockaddr __create_fn__.<locals>.__init__ _unix parse_address
uwsgid.host.bare_sockets: _do bind bind.<locals>.<lambda> facts listen listen.<locals>.<lambda> make
uwsgid.host.binding: Listener.serves Listener.socket __create_fn__.<locals>.__init__ _bind _buffers
uwsgid.host.binding: _permissions _unlink_stale bind_unix bind_unix.<locals>.<lambda> label
uwsgid.host.calls: attempt
uwsgid.host.capabilities: final_set first_reduction
uwsgid.host.cgroups: join_cgroups
uwsgid.host.confinement: confine
uwsgid.host.emperor: descriptors descriptors.<locals>.<genexpr> find join_by_proxy keep_from_commands
uwsgid.host.facts: MemoryProbe.__init__
uwsgid.host.inherit: _note _systemd _upstart find_inherited find_inherited.<locals>.<genexpr> parse_variable
uwsgid.host.jails: enter_jails
uwsgid.host.kept: Kept.__init__ Kept.close_all Kept.close_unclaimed Kept.inherited parse_kept
uwsgid.host.kernel: Kernel.__init__ Kernel.chdir Kernel.close Kernel.dup2 Kernel.open
uwsgid.host.kernel: Kernel.open_descriptors Kernel.open_descriptors.<locals>.<genexpr>
uwsgid.host.kernel: Kernel.open_descriptors.<locals>.<listcomp> Kernel.set_blocking Kernel.set_inheritable
uwsgid.host.kernel: Kernel.somaxconn Kernel.stat _facts _is_open
uwsgid.host.limits: apply_descriptors apply_limits apply_priority keep_in_memory merge_pages pin_worker
uwsgid.host.locks: Lock.__init__ Lock.forget_threads LockTable.__contains__ LockTable.__init__
uwsgid.host.locks: LockTable.__init__.<locals>.<dictcomp> LockTable.__init__.<locals>.<genexpr>
uwsgid.host.locks: LockTable.born
uwsgid.host.namespaces: combined
uwsgid.host.privileges: __create_fn__.<locals>.__init__ drop drop.<locals>.<genexpr> drop_calls perform
uwsgid.host.privileges: resolve_identity
uwsgid.host.socket_options: __create_fn__.<locals>.__eq__ __create_fn__.<locals>.__init__ _spec
uwsgid.host.sockets: _find _find.<locals>.<listcomp> _open _refuse_twice bind_shared bind_sockets
uwsgid.host.sockets: bind_sockets.<locals>.<setcomp> check_backlog close_leftovers
uwsgid.host.sockets: close_leftovers.<locals>.<setcomp> inheritance map_workers settle_stdin
uwsgid.host.sockets: settle_stdin.<locals>.<genexpr>
uwsgid.host.syscalls: set_parent_death_signal
uwsgid.host.waits: wait_for
uwsgid.host.zerg: attach
uwsgid.interfaces: __create_fn__.<locals>.__init__
uwsgid.isolation.late: is_of_the_boot moment_of step_of_a_newborn
uwsgid.isolation.options: Isolation.flags Isolation.later_flags Isolation.reforks
uwsgid.isolation.step: _Place.__init__ _Place.change_roots _Place.enter_jails _Place.settle
uwsgid.isolation.step: __create_fn__.<locals>.__init__ become_the_user change_user privilege_step
uwsgid.isolation.step: take_the_place
uwsgid.languages.cgi.language: Cgi.__init__ Cgi.at_exit Cgi.handlers Cgi.initialize Cgi.load Cgi.post_fork
uwsgid.languages.cgi.language: Cgi.settle Cgi.try_module
uwsgid.languages.cgi.options: CgiOptions.is_asked_for
uwsgid.languages.foreign.language: Foreign.__init__ Foreign.at_exit Foreign.handlers Foreign.initialize
uwsgid.languages.foreign.language: Foreign.load Foreign.post_fork Foreign.settle Foreign.try_module
uwsgid.languages.outcome: __create_fn__.<locals>.__init__
uwsgid.languages.perl.language: Perl.plan Perl.plan.<locals>.<listcomp> Perl.try_module
uwsgid.languages.python.api: _last call_hook complete install install.<locals>.<dictcomp>
uwsgid.languages.python.api: install.<locals>.<listcomp> magic_table magic_table.<locals>.<dictcomp>
uwsgid.languages.python.api: magic_table.<locals>.<genexpr>
uwsgid.languages.python.api_locks: user_lock_names user_lock_names.<locals>.<genexpr>
uwsgid.languages.python.context: as_bytes
uwsgid.languages.python.environ: base_environ
uwsgid.languages.python.imports: argv import_all map_aliases
uwsgid.languages.python.language: Python.__init__ Python.at_exit Python.handlers Python.initialize
uwsgid.languages.python.language: Python.load Python.post_fork Python.settle Python.try_module _call
uwsgid.languages.python.loading: _Loader.__init__ _Loader._add _Loader.load _Loader.load_all _applications
uwsgid.languages.python.loading: freeze load_apps ready_line resting_collector threads_alive
uwsgid.languages.python.options: PythonApps.check
uwsgid.languages.python.targets: FileTarget.load FileTarget.module_name FileTarget.where
uwsgid.languages.python.targets: _UncachedLoader.get_code __create_fn__.<locals>.__init__ find_callable
uwsgid.languages.python.targets: import_file pythonize
uwsgid.languages.python.virtualenv: enter follow_variable follow_variable.<locals>.<listcomp> put_in_front
uwsgid.languages.python.wsgi: _Call.__init__ _Call.start_response handlers handlers.<locals>.<lambda>
uwsgid.languages.python.wsgi: wsgi_handler wsgi_handler.<locals>.handle
uwsgid.languages.ruby.language: Ruby.plan Ruby.plan.<locals>.<listcomp>
uwsgid.logs.banner: BannerFacts.<lambda> __create_fn__.<locals>.__init__ backlog_line banner_lines
uwsgid.logs.banner: lock_lines mapped_line master_line mercy_line mode_line page_line start_lines
uwsgid.logs.banner: worker_line
uwsgid.logs.files: DescriptorLogger.__init__ DescriptorLogger.write
uwsgid.logs.grievances: Grievances.__init__
uwsgid.logs.held: lock_names
uwsgid.logs.lines: Lines.__init__ date_format
uwsgid.logs.observer: LineObserver.__init__
uwsgid.logs.outlet_options: WorkerOutlets.any WorkerOutlets.any_records WorkerOutlets.any_requests
uwsgid.logs.pipeline: Pipeline.__init__ Pipeline._deliver Pipeline.accept
uwsgid.logs.setup: Logs.__init__ Logs.drain Logs.leave Logs.open Logs.open_late Logs.registered
uwsgid.logs.setup: Logs.request_writer Logs.take Logs.take_requests Logs.write
uwsgid.logs.writing: writer
uwsgid.loops.gate: Gate.__init__ Gate.__init__.<locals>.<dictcomp> Gate._is_over Gate._wait Gate.attend
uwsgid.loops.gate: Gate.next Gate.watch
uwsgid.loops.limits: defers hurry moment most_parked patience
uwsgid.loops.simple: Simple.__init__ Simple.run
uwsgid.manhole.options: Manhole.ssh Manhole.ssh.<locals>.<genexpr>
uwsgid.master.unixsignals: meaning
uwsgid.registry: Registry.__getitem__ Registry.__iter__
uwsgid.request.body: Body.__init__ Body.at_end
uwsgid.request.connection: Connection.__init__ Connection.close Connection.send
uwsgid.request.logline: DefaultLines.__init__ DefaultLines._now DefaultLines.line DefaultLines.log
uwsgid.request.logline: DefaultLines.take Who.__init__ _App.__init__ _How.__init__ _Hundred.__init__
uwsgid.request.logline: _When.__init__ _value plain_logger request_logger
uwsgid.request.mounts: App.__init__ Apps.__contains__ Apps.__init__ Apps.__iter__ Apps.__len__
uwsgid.request.mounts: Apps._choose_only Apps._settle Apps.add Apps.is_full Lookup.from_settings
uwsgid.request.mounts: __create_fn__.<locals>.__init__ _prefixes _prefixes.<locals>.<dictcomp>
uwsgid.request.options: Bodies.buffering_size
uwsgid.request.reply: Reply.__init__ Reply._send_whole Reply.start Reply.whole
uwsgid.request.request: Request.__init__
uwsgid.request.serving: Farewell.__init__ __create_fn__.<locals>.__init__
uwsgid.request.terms: Terms.__init__ Terms.__init__.<locals>.<genexpr>
uwsgid.static.options: StaticFiles.any
uwsgid.steward.steward: Steward.inheritance Steward.part
uwsgid.steward.terms: describe describe.<locals>.<genexpr>
uwsgid.supervise.appfacts: describe_apps describe_apps.<locals>.<genexpr>
uwsgid.supervise.birth: __create_fn__.<locals>.__init__ bear become_server_of_births become_signalled
uwsgid.supervise.birth: take_environment take_environment.<locals>.<listcomp> wait_for_adoption
uwsgid.supervise.board: Board.__init__ Board._cells Board._real Board._whole Board.sit_down
uwsgid.supervise.board: Board.total_requests
uwsgid.supervise.conversation: Conversation.__init__ Conversation.fileno Conversation.say
uwsgid.supervise.counting: Progress.__init__ Progress.begin Progress.end Tally.__init__ Tally.add
uwsgid.supervise.household: Household.name_process __create_fn__.<locals>.__init__
uwsgid.supervise.memory: MemoryLimits.any
uwsgid.supervise.processes: Endings.mercy Processes.loads_late Recycling.request_limit
uwsgid.supervise.vassals: VassalStart.from_text __create_fn__.<locals>.__init__
uwsgid.tuntap.devices: devices
uwsgid.tuntap.setup: routers
uwsgid.wire.limits: __create_fn__.<locals>.__init__
uwsgid.wire.response: _field _first_line _line full_status head status_code
uwsgid.wire.uwsgi: read_vars
uwsgid.worker.cycle: Cycle.__init__ Cycle.advance Cycle.connector Cycle.serve _dispatched
uwsgid.worker.dropping: drop_at enter_late_directory
uwsgid.worker.leave: measuring recycling
uwsgid.worker.lone: Talk.__init__ Talk.end Talk.say Talk.tell lone_worker
uwsgid.worker.loyalty: FirstRequest.__call__ FirstRequest.__init__
uwsgid.worker.role: Worker.__init__ Worker._end Worker._engine_name Worker._is_reload
uwsgid.worker.role: Worker._is_reload.<locals>.<genexpr> Worker._offload Worker._pin_to_cpus
uwsgid.worker.role: Worker._run_hooks Worker._serving Worker._serving.<locals>.<listcomp> Worker._welcome
uwsgid.worker.role: Worker.run Worker.run.<locals>.<lambda> _answer_plain_requests
uwsgid.worker.role: _answer_plain_requests.<locals>.<setcomp>
uwsgid.worker.signals: WorkerSignals.__init__ WorkerSignals.end_now WorkerSignals.install
uwsgid.worker.station: Station.__init__ Station.connect __create_fn__.<locals>.__init__ _roomy make_station
uwsgid.worker.zygote: _load _load.<locals>.<listcomp> prepare
"""

#: Modules and qualified names, in the order that they are to have in memory.
FUNCTIONS: Final = tuple(
    (module, name)
    for module, _, names in (line.partition(": ") for line in _TEXT.splitlines())
    for name in names.split()
)
