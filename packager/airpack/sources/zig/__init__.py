"""Files for builds by zig: what stands for `cc` there (`compiler`), and what answers for another machine's Python."""
