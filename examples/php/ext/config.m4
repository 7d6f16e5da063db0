PHP_ARG_WITH([itnio],
  [for libitnio],
  [AS_HELP_STRING([--with-itnio@<:@=DIR@:>@],
    [Include phone calls through libitnio; DIR is the prefix that it is installed under, where
     pkg-config does not know it])])

if test "$PHP_ITNIO" != "no"; then
  if test "$PHP_ITNIO" = "yes"; then
    PKG_CHECK_MODULES([ITNIO], [itnio >= 0.2])
    PHP_EVAL_INCLINE([$ITNIO_CFLAGS])
    PHP_EVAL_LIBLINE([$ITNIO_LIBS], [ITNIO_SHARED_LIBADD])
  else
    AS_IF([test -r "$PHP_ITNIO/include/itnio.h"], [],
      [AC_MSG_ERROR([there is no $PHP_ITNIO/include/itnio.h])])
    PHP_ADD_INCLUDE([$PHP_ITNIO/include])
    PHP_CHECK_LIBRARY([itnio], [itnio_find_call],
      [PHP_ADD_LIBRARY_WITH_PATH([itnio], [$PHP_ITNIO/$PHP_LIBDIR], [ITNIO_SHARED_LIBADD])],
      [AC_MSG_ERROR([libitnio in $PHP_ITNIO/$PHP_LIBDIR cannot be linked])],
      [-L$PHP_ITNIO/$PHP_LIBDIR])
  fi
  PHP_SUBST([ITNIO_SHARED_LIBADD])

  PHP_NEW_EXTENSION([itnio], [itnio.c client.c exceptions.c record.c shared_clients.c], [$ext_shared])
  PHP_ADD_EXTENSION_DEP([itnio], [hash])
fi
