"""Forks, threads and exits."""

from __future__ import annotations

import time


def test_a_forked_child_inherits_the_heap_and_draws_its_own_samples(run_script):
    result = run_script("""
        native.start(4096)
        def leak():
            return [bytes(1000) for _ in range(5000)]
        kept = leak()
        parent = held("leak")[1]
        reader, writer = os.pipe()
        for _ in range(3):
            if os.fork() == 0:
                inherited = held("leak")[1]
                allocated = sum(native.snapshot().alloc_bytes)
                def mine():
                    return [bytes(1000) for _ in range(5000)]
                more = mine()
                taken = native.snapshot()
                row = next(i for i in range(len(taken)) if taken.stack(i)[0][0].startswith("mine"))
                kept.clear()
                found = [inherited, allocated, taken.inuse_bytes[row], held("leak")[1], native.stats()["forks"]]
                os.write(writer, (json.dumps(found) + chr(10)).encode())
                os._exit(0)
        for _ in range(3):
            os.wait()
        os.close(writer)
        children = [json.loads(line) for line in open(reader)]
        answer(parent=parent, children=children, still=held("leak")[1])
    """)
    assert result["still"] == result["parent"]
    for inherited, allocated, _, after_free, forks in result["children"]:
        assert abs(inherited - result["parent"]) < 0.05 * result["parent"]
        assert allocated < 0.2 * result["parent"]  # the parent's history is not the child's
        assert after_free == 0
        assert forks == 1
    assert len({child[2] for child in result["children"]}) > 1  # seeds differ


def test_forks_from_threads_while_snapshots_are_taken(run_script):
    result = run_script("""
        native.start(2048)
        stop = threading.Event()
        def churn():
            while not stop.is_set():
                [bytes(700) for _ in range(1000)]
        def look():
            while not stop.is_set():
                native.snapshot_pprof()
        threads = [threading.Thread(target=churn), threading.Thread(target=look), threading.Thread(target=look)]
        for thread in threads:
            thread.start()
        failed = 0
        for _ in range(40):
            pid = os.fork()
            if pid == 0:
                [bytes(700) for _ in range(2000)]
                native.snapshot()
                native.stop()
                os._exit(0)
            failed += os.waitpid(pid, 0)[1] != 0
        stop.set()
        for thread in threads:
            thread.join()
        answer(failed=failed)
    """)
    assert result["failed"] == 0


def test_multiprocessing_in_all_three_ways(run_script):
    result = run_script("""
        import multiprocessing
        native.start(4096)
        codes = []
        for way in ("fork", "spawn", "forkserver"):
            context = multiprocessing.get_context(way)
            with context.Pool(2) as pool:
                codes.append(pool.map(abs, range(-50, 0)) == list(range(50, 0, -1)))
        answer(codes=codes)
    """)
    assert result["codes"] == [True, True, True]


def test_greenlets_switch_stacks_under_the_hooks(run_script):
    result = run_script("""
        from greenlet import greenlet
        native.start(4096)
        kept = []
        def worker():
            for _ in range(200):
                kept.append([bytes(900) for _ in range(20)])
                main.switch()
        main = greenlet.getcurrent()
        lets = [greenlet(worker) for _ in range(20)]
        for _ in range(150):
            for let in lets:
                let.switch()
        answer(held=held("worker")[1])
    """)
    assert result["held"] > 20e6


def test_exit_with_hooks_armed_and_threads_running(run_script):
    started = time.monotonic()
    for ending in ("", "sys.exit(3)", "os._exit(3)", "raise SystemExit(3)"):
        run_script(
            f"""
            native.start(1024)
            def churn():
                while True:
                    [bytes(700) for _ in range(1000)]
            for _ in range(4):
                threading.Thread(target=churn, daemon=True).start()
            time.sleep(0.05)
            kept = [bytes(1000) for _ in range(1000)]
            {ending}
            """,
            status=3 if ending else 0,
        )
    assert time.monotonic() - started < 60


def test_finalizers_that_allocate_at_exit(run_script):
    run_script("""
        native.start(64)
        class Late:
            def __del__(self):
                [bytes(500) for _ in range(1000)]
        late = Late()
        cycle = [Late()]
        cycle.append(cycle)
        import atexit
        atexit.register(lambda: [bytes(500) for _ in range(1000)])
    """)


def test_an_embedded_interpreter_that_starts_again(run_script, tmp_path):
    """The hooks leave at exit: what is allocated by the next life of the interpreter does not meet the old one."""
    result = run_script("""
        import ctypes, subprocess, sysconfig, tempfile
        source = r'''
        #include <Python.h>
        int main(void) {
            for (int life = 0; life < 3; life++) {
                Py_Initialize();
                PyRun_SimpleString("kept = [bytes(800) for _ in range(3000)]");
                if (life == 0) PyRun_SimpleString(
                    "import plimsoll_agent_native as n; n.start(4096); kept2 = [bytes(800) for _ in range(3000)]");
                PyRun_SimpleString("more = [bytes(800) for _ in range(3000)]");
                if (Py_FinalizeEx() < 0) return 3;
            }
            return 0;
        }'''
        folder = tempfile.mkdtemp()
        with open(folder + "/lives.c", "w") as file:
            file.write(source)
        library = sysconfig.get_config_var("LIBDIR")
        version = "python" + sysconfig.get_config_var("LDVERSION")
        subprocess.run(["gcc", folder + "/lives.c", "-o", folder + "/lives", "-I" + sysconfig.get_paths()["include"],
                        "-L" + library, "-Wl,-rpath," + library, "-l" + version], check=True)
        done = subprocess.run([folder + "/lives"], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        answer(code=done.returncode)
    """)
    assert result["code"] == 0


def test_a_search_imports_nothing_that_a_child_forked_meanwhile_would_wait_for(run_script):
    result = run_script("""
        native.start(4096)
        kept = [bytes(1000) for _ in range(2_000)]
        before = set(sys.modules)
        taken = native.snapshot()
        for method in ("snapshot", "census"):
            native.find_holders(taken.stack(0)[:1], method=method)
        native.census()
        answer(imported=sorted(set(sys.modules) - before))
    """)
    assert result["imported"] == []


def test_a_child_forked_during_a_search_can_search_itself(run_script):
    result = run_script("""
        native.start(4096)
        def leak():
            return [bytes(1000) for _ in range(20_000)]
        kept = leak()
        taken = native.snapshot()
        site = next(taken.stack(i) for i in range(len(taken)) if taken.kinds[i] == 0 and taken.inuse_bytes[i] > 1e6
                    and any(frame[0] == "leak" for frame in taken.stack(i)))
        stop = threading.Event()
        def search():
            while not stop.is_set():
                native.find_holders(site)
        thread = threading.Thread(target=search)
        thread.start()
        failed = 0
        for _ in range(8):
            pid = os.fork()
            if pid == 0:
                report = native.find_holders(site)
                os._exit(0 if report["paths"] else 1)
            failed += os.waitpid(pid, 0)[1] != 0
        stop.set()
        thread.join()
        answer(failed=failed)
    """)
    assert result["failed"] == 0
