"""Who is it: galleries of enrolled faces, and whom a face matches. Off unless IDENTITY is on and the extra installed.

`vectors` is pure; `child` and `footage_child` make the vectors; `store` keeps them; `galleries`, `temporary` and
`rights` say what may be done with them; `linking` and `recogniser` answer for the faces of an analysis.
"""
