"""The image that counts a view where scripts do not run."""

PIXEL_GIF = b"".join(
    (
        b"GIF89a",
        b"\x01\x00\x01\x00\x80\x00\x00",  # 1 x 1 pixel, a table of two colours
        b"\x00\x00\x00\xff\xff\xff",  # black, white
        b"\x21\xf9\x04\x01\x00\x00\x00\x00",  # colour 0 is transparent
        b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00",  # an image at 0, 0 of 1 x 1 pixel
        b"\x02\x02\x44\x01\x00",  # codes of 3 bits: clear, colour 0, end
        b"\x3b",
    )
)
"""A transparent GIF of one pixel, 43 bytes: the shortest that lacks no part of the format."""
