"""What photo files carry beside pixels, taken apart as bytes: JPEG, MPF, XMP, EXIF, HEIF boxes; no decoder needed."""
