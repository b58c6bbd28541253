from srdgan_rt.runtime.progress import Progress


def test_progress_only_grows():
    calls = []
    progress = Progress(lambda *call: calls.append(call), 10)
    for done in (-3, 0, 2, 2, 1, 10):
        progress.note_finished(done)
    assert calls == [(2, 10), (10, 10)]
    Progress(None, 10).note_finished(3)


def test_pixels_that_are_only_read_count_half():
    calls = []
    progress = Progress(lambda *call: calls.append(call), 100)
    progress.note_read(40)
    progress.note_read(100)
    progress.note_finished(30)
    progress.note_finished(99)
    assert calls == [(20, 100), (50, 100), (65, 100), (99, 100)]  # all is done only when all is finished
    progress.note_finished(100)
    assert calls[-1] == (100, 100)
